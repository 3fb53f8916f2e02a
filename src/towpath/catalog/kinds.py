"""The built-in kinds: which spec validates them, who may supply them, which relations their fields make."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from towpath.catalog import refs, spec
from towpath.kit.errors import Invalid, Problem
from towpath.sdk import plugins
from towpath.sdk.types import KindSpec

BACKSTAGE = ("backstage.io/v1alpha1", "backstage.io/v1beta1")
Relations = list[tuple[str, str, str]]


@dataclass(frozen=True)
class Field:
    """A field of `spec` that names other entities: the relation it makes, its reverse, the kind of a bare name."""

    name: str
    forward: str
    reverse: str
    kind: str | None


OWNER = Field("owner", "ownedBy", "ownerOf", "Group")
SYSTEM = Field("system", "partOf", "hasPart", "System")
DEPENDS = (
    Field("dependsOn", "dependsOn", "dependencyOf", None),
    Field("dependencyOf", "dependencyOf", "dependsOn", None),
)
FIELDS: dict[str, tuple[Field, ...]] = {
    "Component": (
        OWNER, SYSTEM, *DEPENDS,
        Field("subcomponentOf", "partOf", "hasPart", "Component"),
        Field("providesApis", "providesApi", "apiProvidedBy", "API"),
        Field("consumesApis", "consumesApi", "apiConsumedBy", "API"),
    ),
    "API": (OWNER, SYSTEM),
    "Resource": (OWNER, SYSTEM, *DEPENDS),
    "System": (OWNER, Field("domain", "partOf", "hasPart", "Domain")),
    "Domain": (OWNER, Field("subdomainOf", "partOf", "hasPart", "Domain")),
    "Group": (
        Field("parent", "childOf", "parentOf", "Group"),
        Field("children", "parentOf", "childOf", "Group"),
        Field("members", "hasMember", "memberOf", "User"),
    ),
    "User": (Field("memberOf", "memberOf", "hasMember", "Group"),),
}  # fmt: skip
FORWARD = ("ownedBy", "partOf", "providesApi", "consumesApi", "dependsOn", "memberOf", "childOf")
"""Relations a graph draws; each has its reverse stored beside it."""


def named(doc: Mapping[str, Any], field: Field) -> list[tuple[tuple[str | int, ...], str]]:
    """What a field names, each with its path: `(("spec", "dependsOn", 0), "resource:orders-db")`."""
    value = (doc.get("spec") or {}).get(field.name)
    if isinstance(value, str):
        return [(("spec", field.name), value)]
    if isinstance(value, list):
        return [(("spec", field.name, number), item) for number, item in enumerate(value) if isinstance(item, str)]
    return []


def relations_of(kind: str) -> Callable[[Mapping[str, Any]], Relations]:
    """The function that reads the relations out of a document of one built-in kind."""

    def read(doc: Mapping[str, Any]) -> Relations:
        return [
            (field.forward, str(ref), field.reverse)
            for field in FIELDS[kind]
            for _, text in named(doc, field)
            if (ref := _resolved(doc, field, text))
        ]

    return read


def dangling(kind: str, doc: Mapping[str, Any]) -> list[tuple[tuple[str | int, ...], Problem]]:
    """References of a document that name nothing, each with its path: a warning, the entity stands without them."""
    return [
        (path, Problem("", expected="a reference with a kind, such as 'resource:orders-db'", found=f"'{text}'"))
        for field in FIELDS.get(kind, ())
        for path, text in named(doc, field)
        if _resolved(doc, field, text) is None
    ]


def _resolved(doc: Mapping[str, Any], field: Field, text: str) -> refs.Ref | None:
    try:
        return refs.parse(text, kind=field.kind, namespace=doc["metadata"].get("namespace") or "default")
    except Invalid:
        return None


def _kind(name: str, model: type, icon: str, plural: str, description: str, *, granted: bool = False) -> KindSpec:
    return KindSpec(
        name, BACKSTAGE, model, "granted" if granted else "any",
        relations_of(name) if name in FIELDS else lambda doc: [], plural, icon, description,
    )  # fmt: skip


BUILT_IN = (
    _kind("Component", spec.ComponentSpec, "box", "Components", "A piece of software"),
    _kind("API", spec.ApiSpec, "plug", "APIs", "An interface between components"),
    _kind("Resource", spec.ResourceSpec, "database", "Resources", "Infrastructure that components need"),
    _kind("System", spec.SystemSpec, "layers", "Systems", "Parts that together do one thing"),
    _kind("Domain", spec.DomainSpec, "map", "Domains", "An area of the business"),
    _kind("Group", spec.GroupSpec, "users", "Groups", "A team or unit of the organisation", granted=True),
    _kind("User", spec.UserSpec, "user", "People", "A person", granted=True),
    _kind("Location", spec.LocationSpec, "folder", "Locations", "Files that hold other entities"),
)


def all_kinds() -> dict[str, KindSpec]:
    """Every kind of this process by name, in the order of the floors: built in, then the capabilities', then plugins'."""
    return {kind.name: kind for kind in plugins.collect(plugins.call().kinds())}


def as_declared(names: Iterable[str]) -> tuple[str, ...]:
    """Kinds named in any case as rows hold them, so that the indexes of rows serve; an unknown name stays as it is."""
    known = {name.lower(): name for name in all_kinds()}
    return tuple(known.get(name.lower(), name) for name in names)
