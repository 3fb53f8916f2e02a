"""The document `Template` (`scaffolder.backstage.io/v1beta3`), Backstage's format unchanged.

Unknown keys are tolerated everywhere, as the peer does. `read` reports every problem with its place, not only the first.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any

import orjson
from jsonschema import Draft7Validator
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from towpath.kit.errors import Invalid, Problem
from towpath.kit.marks import format_path
from towpath.sdk.types import KindSpec

Found = tuple[tuple[str | int, ...], Problem]
"""A problem with its path below `spec`."""
REF = re.compile(r"(?:(?P<kind>[^:/]+):)?(?:(?P<namespace>[^:/]+)/)?(?P<name>[^:/]+)")
"""An entity ref, kind and namespace optional."""


def _pages(value: Any) -> Any:
    """`parameters` is one page or a list of them; absent means no page."""
    if value is None:
        return []
    return [value] if isinstance(value, Mapping) else value


def _text(value: Any) -> Any:
    """An empty `id:` or `name:` is an absent one."""
    return "" if value is None else value


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow", populate_by_name=True, frozen=True)


class TemplateStep(_Open):
    """One step: an action with its input; `if` and `each` are expressions or plain values."""

    id: Annotated[str, BeforeValidator(_text)] = ""
    name: Annotated[str, BeforeValidator(_text)] = ""
    action: str = Field(min_length=1)
    input: dict[str, Any] = Field(default_factory=dict)
    if_: Any = Field(None, alias="if")
    each: Any = None

    @property
    def conditional(self) -> bool:
        """Whether the step says `if` at all: `if: null` counts as false, an absent `if` as true."""
        return "if_" in self.model_fields_set


class TemplateSpec(_Open):
    """What a golden path asks (`parameters`: wizard pages), does (`steps`) and gives back (`output`)."""

    type: str = Field(min_length=1)
    owner: str | None = None
    lifecycle: str | None = None
    parameters: Annotated[list[dict[str, Any]], BeforeValidator(_pages)] = Field(default_factory=list)
    steps: list[TemplateStep]
    output: dict[str, Any] = Field(default_factory=dict)
    presentation: dict[str, Any] | None = None
    secrets: dict[str, Any] | None = None


@dataclass(frozen=True)
class Template:
    """A readable template. `source` is its location (`file:/…/template.yaml`, `url:towpath://…`), `etag` its content."""

    ref: str
    namespace: str
    name: str
    title: str
    description: str
    tags: tuple[str, ...]
    owner: str | None
    source: str
    etag: str
    version: str
    metadata: Mapping[str, Any]
    spec: TemplateSpec

    @property
    def path(self) -> str:
        """The page of the wizard, as Backstage routes it."""
        return f"/create/templates/{self.namespace}/{self.name}"

    @property
    def owner_ref(self) -> str | None:
        """The owner as a full ref: a bare name is a group of the template's namespace."""
        return _owner(self.owner, self.namespace)


def read(doc: Mapping[str, Any], location: str = "") -> Template:
    """Turn an entity document into a Template; raises Invalid with all problems and their places (`spec.steps[1].action`).

    The same document is read once per process.
    """
    return _read(orjson.dumps({"metadata": doc.get("metadata"), "spec": doc.get("spec")}), location)


@lru_cache(maxsize=1024)
def _read(text: bytes, location: str) -> Template:
    doc = orjson.loads(text)
    metadata = doc.get("metadata") or {}
    body = doc.get("spec")
    name, namespace = str(metadata.get("name") or ""), str(metadata.get("namespace") or "default")
    try:
        spec = TemplateSpec.model_validate(body)
    except ValidationError as error:
        raise Invalid(f"template '{name}' cannot be used", problems=problems(error, ("spec",))) from error
    spec = spec.model_copy(update={"steps": named(spec.steps)})
    wrong = [replace(one, path=format_path(("spec", *path))) for path, one in check(body)]
    if wrong:
        raise Invalid(f"template '{name}' cannot be used", problems=wrong)
    annotations = metadata.get("annotations") or {}
    return Template(
        ref=f"template:{namespace}/{name}".lower(),
        namespace=namespace,
        name=name,
        title=str(metadata.get("title") or name),
        description=str(metadata.get("description") or ""),
        tags=tuple(str(tag) for tag in metadata.get("tags") or ()),
        owner=spec.owner,
        source=location,
        etag=hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest(),
        version=str(annotations.get("towpath.dev/version", "")),
        metadata=metadata,
        spec=spec,
    )


def named(steps: Sequence[TemplateStep]) -> list[TemplateStep]:
    """The steps with `id` (default `step-N`) and `name` (default the action) filled in, as the peer does."""
    return [
        step.model_copy(update={"id": step.id or f"step-{number}", "name": step.name or step.action})
        for number, step in enumerate(steps, start=1)
    ]


def problems(error: ValidationError, place: Sequence[str | int] = ()) -> list[Problem]:
    """Every complaint of pydantic with its dotted place: `spec.steps[1].action: expected …; found …`."""
    return [_problem(item, place) for item in error.errors(include_url=False)]


def _problem(item: Any, place: Sequence[str | int]) -> Problem:
    missing = item["type"] == "missing"
    found = "nothing" if missing else repr(item["input"])[:80]
    expected = "a value" if missing else item["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    path = format_path((*place, *item["loc"]))
    return Problem(f"expected {expected}; found {found}", path=path, expected=expected, found=found)


def check(body: Any) -> list[Found]:
    """What the model cannot say: ids given twice, and pages that are no schema; tolerant of what the model refuses."""
    if not isinstance(body, Mapping):
        return []
    steps, pages = body.get("steps"), _pages(body.get("parameters"))
    ids = [_id(one, number) for number, one in enumerate(steps, 1)] if isinstance(steps, list) else []
    pages = [one if isinstance(one, Mapping) else {} for one in pages] if isinstance(pages, list) else []
    return [*_duplicates(ids), *_broken_pages(pages)]


def _id(step: Any, number: int) -> str:
    given = step.get("id") if isinstance(step, Mapping) else None
    return given if isinstance(given, str) and given else f"step-{number}"


def _duplicates(ids: Sequence[str]) -> list[Found]:
    seen: dict[str, int] = {}
    found: list[Found] = []
    for number, one in enumerate(ids):
        if one in seen:
            hint = f"steps[{seen[one]}] has this id"
            found.append(
                (("steps", number, "id"), Problem("", expected="an id of its own", found=f"'{one}'", hint=hint))
            )
        seen.setdefault(one, number)
    return found


def _broken_pages(pages: Sequence[Mapping[str, Any]]) -> list[Found]:
    """What is no schema at all; repeated names and empty lists are tolerated, as the peer does."""
    meta = Draft7Validator(Draft7Validator.META_SCHEMA)
    return [
        (
            ("parameters", number, *error.absolute_path),
            Problem("", expected="a JSON schema (draft-07)", found=error.message),
        )
        for number, page in enumerate(pages)
        for error in meta.iter_errors(page)
        if error.validator not in ("uniqueItems", "minItems")
    ]


def _owner(text: str | None, namespace: str) -> str | None:
    named = REF.fullmatch(text or "")
    return f"{named['kind'] or 'group'}:{named['namespace'] or namespace}/{named['name']}".lower() if named else None


def _owned(doc: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    owner = _owner((doc.get("spec") or {}).get("owner"), doc["metadata"].get("namespace") or "default")
    return [("ownedBy", owner, "ownerOf")] if owner else []


TEMPLATE = KindSpec(
    name="Template",
    api_versions=("scaffolder.backstage.io/v1beta3",),
    model=TemplateSpec,
    supply="granted",
    relations=_owned,
    plural="Templates",
    icon="route",
    check=check,
    description="A golden path: what it asks, what it does, what it gives back.",
)
