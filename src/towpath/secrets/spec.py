"""A secret and its reference, as every other part of the platform handles them."""

import hmac
from dataclasses import dataclass
from typing import Any, NoReturn

from pydantic import BaseModel, Field

from towpath.kit.errors import Invalid


@dataclass(frozen=True)
class SecretRef:
    """Stands for a secret wherever something is kept: in results, rows and events."""

    id: str

    def as_json(self) -> dict[str, str]:
        """The plain JSON that a record carries instead of the value."""
        return {"$secret": self.id}

    @staticmethod
    def of(value: Any) -> "SecretRef | None":
        """The reference a record carries, or None when the value is something else."""
        return SecretRef(value["$secret"]) if isinstance(value, dict) and set(value) == {"$secret"} else None


class Secret:
    """A value that shows itself only to who calls `reveal()`: not to logs, templates, JSON, pickles or tracebacks."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value; call it only where it leaves for the one that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "****"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format("****", spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __deepcopy__(self, memo: Any) -> "Secret":
        return self

    def __reduce__(self) -> NoReturn:
        raise Invalid("a secret cannot be written down", hint="keep its SecretRef instead")


class SecretWrite(BaseModel):
    """What a person or pipeline sends to keep a secret."""

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,127}$", examples=["STRIPE_KEY"])
    value: str = Field(min_length=1, max_length=65_536, repr=False)
    subject: str = Field(min_length=1, max_length=300, examples=["component:default/orders@development"])
