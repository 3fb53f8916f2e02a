"""Descriptors: each through the code of `towpath catalog lint`, compared with what Backstage says of its documents."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from towpath.catalog import service
from towpath.catalog.ingest import Ingested
from towpath.kit.errors import Problem


def run(corpus: Path) -> Iterator[tuple[str, str]]:
    """Every file with expectations: valid documents give their entity, the others a problem at a line and column."""
    expected = json.loads((corpus / "catalog" / "EXPECTED.json").read_text())["files"]
    for file, documents in sorted(expected.items()):
        path = corpus / file
        yield file, compare(str(path), documents, service.lint([path]))


def compare(path: str, documents: Sequence[Mapping[str, Any]], found: Ingested) -> str:
    """What differs, in words; empty when nothing does."""
    mine = {one.ref for one in found.entities if one.where.file == path}
    problems = [one for one in found.problems if one.file == path]
    good = {_ref(one) for one in documents if one["outcome"] == "ok"}
    bad = [one for one in documents if one["outcome"] != "ok"]
    if lost := sorted(good - mine):
        return f"{len(lost)} valid entities refused, first {lost[0]}: {_said(problems)}"
    if taken := sorted(mine - good):
        return (
            f"{len(taken)} entities taken that Backstage refuses, first {taken[0]}: {bad[0]['message'] if bad else '?'}"
        )
    if bad and not problems:
        return f"no problem told for {bad[0]['outcome']}: {bad[0].get('message')}"
    if not bad and problems:
        return f"a problem in a valid file: {_said(problems)}"
    placeless = [one for one in problems if not one.line or not one.column]
    return f"a problem without its place: {_said(placeless)}" if placeless else ""


def _ref(document: Mapping[str, Any]) -> str:
    return f"{document['kind']}:{document['namespace']}/{document['name']}".lower()


def _said(problems: Sequence[Problem]) -> str:
    return str(problems[0]) if problems else "nothing said"
