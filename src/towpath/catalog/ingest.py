"""Files to entities, purely: read, check the envelope, find the kind, check its supply, check its spec, read relations.

One bad entity spoils only itself. Nothing here opens a session, a file or a connection.
"""

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from towpath.catalog import kinds as built_in
from towpath.catalog import refs, spec, substitute, urls
from towpath.kit import yaml
from towpath.kit.errors import Invalid, Problem
from towpath.sdk.types import KindSpec, SourceFile

MANAGED = "backstage.io/managed-by-location"
ORIGIN = "backstage.io/managed-by-origin-location"
SOURCE = "backstage.io/source-location"
VIEW = "backstage.io/view-url"


@dataclass(frozen=True)
class Candidate:
    """An entity that passed every check: its document with the machine's annotations, columns and relations."""

    ref: str
    doc: dict[str, Any]
    relations: tuple[tuple[str, str, str], ...]
    where: "Place"

    @property
    def etag(self) -> str:
        """Changes exactly when the document changes, whatever the order of its keys."""
        return hashlib.sha256(orjson.dumps(self.doc, option=orjson.OPT_SORT_KEYS)).hexdigest()[:40]

    def column(self, name: str, kind: str | None = None) -> str | None:
        """A field of `spec` as a column: text, or a canonical ref when `kind` says what a bare name means."""
        value = (self.doc.get("spec") or {}).get(name)
        if not isinstance(value, str) or kind is None:
            return value if isinstance(value, str) else None
        try:
            return refs.canonical(value, kind=kind, namespace=self.doc["metadata"]["namespace"])
        except Invalid:
            return None


@dataclass
class Ingested:
    """What files gave: entities, why others were refused, and what is odd but stands."""

    entities: list[Candidate] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class Supply:
    """Who brings the files: the location they belong to, and whether a platform engineer granted it."""

    location: str
    granted: bool


def ingest(files: Sequence[SourceFile], kinds: Mapping[str, KindSpec], supply: Supply) -> Ingested:
    """All entities of some files. Files that others name by `$text`, `$json` or `$yaml` are parts, not descriptors."""
    parsed = [(file.url, *yaml.read_all(file.data, file.url)) for file in files]
    named = {url for file, documents, _ in parsed for one in documents for url in substitute.targets(one.value, file)}
    reader = _Reader({file.url: file for file in files}, kinds, supply)
    for file, documents, problems in parsed:
        if file not in named:
            reader.result.problems += problems
            for document in documents:
                reader.read(document, Place(file, document.marks))
    return _without_twins(reader.result)


@dataclass(frozen=True)
class _Reader:
    parts: Mapping[str, SourceFile]
    kinds: Mapping[str, KindSpec]
    supply: Supply
    result: Ingested = field(default_factory=Ingested)

    def read(self, document: yaml.Document, where: "Place") -> None:
        """Add the entity of one document to the result, or its problems."""
        if not isinstance(document.value, dict):
            expected = "an entity: a mapping with apiVersion, kind, metadata and spec"
            self.result.problems.append(where.problem((), expected, document.value))
            return
        doc, problems, warnings = substitute.apply(document, where.file, self.parts)
        problems += _invalid(spec.Envelope, doc, where, ())
        kind, unknown = _kind(doc, self.kinds, where)
        problems += unknown
        if kind and not problems:
            problems += refused(kind, self.supply, where)
        if kind and isinstance(doc.get("spec", {}), dict):
            problems += _invalid(kind.model, doc.get("spec", {}), where, ("spec",))
            problems += [where.place(("spec", *path), one) for path, one in kind.check(doc.get("spec", {}))]
        self.result.problems += dict.fromkeys(problems)
        self.result.warnings += warnings
        if kind and not problems:
            self._keep(kind, doc, where)

    def _keep(self, kind: KindSpec, doc: Mapping[str, Any], where: "Place") -> None:
        made = _annotated(doc, where.file, self.supply)
        self.result.warnings += [where.place(path, one) for path, one in built_in.dangling(kind.name, made)]
        self.result.warnings += _unread(made, where, self.parts)
        ref = str(refs.Ref(kind.name, made["metadata"]["namespace"], made["metadata"]["name"]))
        relations = tuple(dict.fromkeys(both(ref, kind.relations(made))))
        self.result.entities.append(Candidate(ref, made, relations, where))


@dataclass(frozen=True)
class Place:
    """A file with the marks of one document: gives problems their place."""

    file: str
    marks: yaml.Marks

    def place(self, path: Sequence[str | int], problem: Problem) -> Problem:
        """The same problem, standing at a path of the document."""
        line, column = self.marks.at(path)
        return replace(problem, file=self.file, line=line, column=column, path=yaml.format_path(path))

    def problem(self, path: Sequence[str | int], expected: str, found: Any, hint: str = "") -> Problem:
        """A problem at a path of the document."""
        return self.place(path, Problem("", expected=expected, found=yaml.show(found), hint=hint))


def _unread(doc: Mapping[str, Any], where: Place, parts: Mapping[str, SourceFile]) -> list[Problem]:
    """Relative targets of a Location that were not among the files read; patterns may match nothing."""
    if (doc.get("spec") or {}).get("presence") == "optional":
        return []
    return [
        where.problem(path, "a file that can be read", text)
        for path, text, url in urls.named_by(doc, where.file)
        if not urls.SCHEME.match(text) and not urls.GLOB.search(text) and url not in parts
    ]


def _invalid(model: type[BaseModel], value: Any, where: Place, at: tuple[str, ...]) -> list[Problem]:
    try:
        model.model_validate(value)
    except ValidationError as error:
        return yaml.problems_of(error, where.marks, where.file, at)
    return []


def _kind(doc: Mapping[str, Any], kinds: Mapping[str, KindSpec], where: Place) -> tuple[KindSpec | None, list[Problem]]:
    name, version = doc.get("kind"), doc.get("apiVersion")
    if not isinstance(name, str) or not isinstance(version, str):
        return None, []
    kind = kinds.get(name)
    if kind is None:
        near = difflib.get_close_matches(name.lower(), [known.lower() for known in kinds], 1)
        meant = next((known for known in kinds if near and known.lower() == near[0]), "")
        hint = f"did you mean '{meant}'?" if meant else ""
        return None, [where.problem(("kind",), f"one of {', '.join(sorted(kinds))}", name, hint)]
    if version not in kind.api_versions:
        expected = " or ".join(f"'{known}'" for known in kind.api_versions)
        return None, [where.problem(("apiVersion",), f"{expected} for kind {name}", version)]
    return kind, []


def refused(kind: KindSpec, supply: Supply, where: Place) -> list[Problem]:
    """Why a location may not supply a kind: platform kinds, templates, people and groups need a grant."""
    if kind.supply == "any" or supply.granted:
        return []
    expected = (
        f"a kind that any location may supply; {kind.name} comes only from locations granted by a platform engineer"
    )
    return [where.problem(("kind",), expected, kind.name, "ask a platform engineer to grant this location")]


def _annotated(doc: Mapping[str, Any], file: str, supply: Supply) -> dict[str, Any]:
    """The document as it is stored: namespace written out, and where it came from."""
    metadata = dict(doc["metadata"])
    metadata["namespace"] = metadata.get("namespace") or "default"
    given = metadata.get("annotations") or {}
    folder = file.rpartition("/")[0] + "/"
    metadata["annotations"] = {
        VIEW: file,
        SOURCE: folder if file.startswith("file:") else f"url:{folder}",
        **given,
        MANAGED: file if file.startswith("file:") else f"url:{file}",
        ORIGIN: supply.location,
    }
    return {**doc, "metadata": metadata}


def both(ref: str, relations: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """(src, type, target) of relations in both directions."""
    forward = [(ref, type_, target.lower()) for type_, target, _ in relations]
    return forward + [(target.lower(), reverse, ref) for _, target, reverse in relations if reverse]


def _without_twins(result: Ingested) -> Ingested:
    seen: dict[str, Candidate] = {}
    for one in result.entities:
        first = seen.setdefault(one.ref, one)
        if first is not one:
            line, _ = first.where.marks.at(("metadata", "name"))
            again = f"{one.ref} again; first in {first.where.file}:{line}"
            result.warnings.append(one.where.problem(("metadata", "name"), "every entity once", again))
    result.entities = list(seen.values())
    return result
