"""Entity refs `[kind:][namespace/]name`, split on the first `:` and the first `/`; canonical text is lower case."""

from dataclasses import dataclass

from towpath.kit.errors import Invalid


@dataclass(frozen=True)
class Ref:
    """Kind, namespace and name of an entity, in the case they were written; text and comparison by `str(ref)`."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.namespace}/{self.name}".lower()


def parse(text: str, *, kind: str | None = None, namespace: str = "default") -> Ref:
    """Read a ref; `kind` and `namespace` fill what it leaves out. Raises Invalid when a part is empty or no kind is known."""
    rest = text.strip()
    colon, slash = rest.find(":"), rest.find("/")
    if colon >= 0 and (slash < 0 or colon < slash):
        kind, rest = rest[:colon], rest[colon + 1 :]
        slash = rest.find("/")
    if slash >= 0:
        namespace, rest = rest[:slash], rest[slash + 1 :]
    if kind is None:
        raise Invalid(f"the reference '{text}' has no kind", hint="write it as 'component:default/orders'")
    if not (kind and namespace and rest):
        raise Invalid(f"'{text}' is not an entity reference", hint="write it as 'component:default/orders'")
    return Ref(kind, namespace, rest)


def canonical(text: str, *, kind: str | None = None, namespace: str = "default") -> str:
    """The lower-case text of a ref; raises Invalid as `parse` does."""
    return str(parse(text, kind=kind, namespace=namespace))
