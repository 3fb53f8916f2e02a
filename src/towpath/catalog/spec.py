"""What people write: the envelope every entity shares and the built-in kinds of Backstage, field by field.

Extra keys of `spec` and `metadata` are kept and never refused; a field that is given may not be null.
"""

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

NAME = re.compile(r"(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
LABEL = re.compile(r"[a-z0-9]+(?:-+[a-z0-9]+)*")
TAG = re.compile(r"[a-z0-9:+#]+(?:-[a-z0-9:+#]+)*")
KIND = re.compile(r"[a-zA-Z][a-z0-9A-Z]*")
VERSION = re.compile(r"[a-z0-9A-Z]+")


def refuse(expected: str, hint: str = "") -> PydanticCustomError:
    """The error of a validator that knows what it expected; `problems_of` adds what was found, and where."""
    return PydanticCustomError("expected", "expected {expected}", {"expected": expected, "hint": hint})


def _given(value: Any) -> Any:
    if value is None:
        raise refuse("a value", "leave the field out when there is nothing to say")
    return value


def _matching(pattern: re.Pattern[str], expected: str, longest: int = 63) -> AfterValidator:
    def check(value: str) -> str:
        if len(value) > longest or not pattern.fullmatch(value):
            raise refuse(expected)
        return value

    return AfterValidator(check)


def _prefixed_key(value: str) -> str:
    prefix, slash, name = value.rpartition("/")
    parts = prefix.split(".")
    good_prefix = not slash or (len(prefix) <= 253 and all(len(p) <= 63 and LABEL.fullmatch(p) for p in parts))
    if not good_prefix or len(name) > 63 or not NAME.fullmatch(name):
        raise refuse("a key such as 'name' or 'example.com/name', the name at most 63 characters")
    return value


def _api_version(value: str) -> str:
    prefix, slash, version = value.rpartition("/")
    good_prefix = not slash or (len(prefix) <= 253 and all(LABEL.fullmatch(part) for part in prefix.split(".")))
    if not good_prefix or len(version) > 63 or not VERSION.fullmatch(version):
        raise refuse("a version such as 'backstage.io/v1alpha1'")
    return value


def _label_value(value: str) -> str:
    if value and (len(value) > 63 or not NAME.fullmatch(value)):
        raise refuse("a-z, A-Z, 0-9 and '-', '_' or '.' between them, at most 63 characters, or empty text")
    return value


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
    except ValueError:
        parts = urlsplit("")
    if not parts.scheme or not (parts.netloc or parts.path):
        raise refuse("an absolute URL such as 'https://example.com'")
    if re.sub(r"[\s\x00-\x1f]", "", parts.scheme).lower() == "javascript":
        raise refuse("an http, https or mailto URL")
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise refuse("text that is not blank")
    return value


Name = Annotated[str, _matching(NAME, "a-z, A-Z, 0-9, and '-', '_' or '.' between them, at most 63 characters")]
Namespace = Annotated[str, _matching(LABEL, "a-z, 0-9 and single '-' between them, at most 63 characters")]
Tag = Annotated[str, _matching(TAG, "a-z, 0-9, ':', '+' and '#', with single '-' between them, at most 63 characters")]
Key = Annotated[str, AfterValidator(_prefixed_key)]
Text = Annotated[str, Field(min_length=1)]
Maybe = Annotated[Text | None, BeforeValidator(_given)]
Texts = Annotated[list[Text] | None, BeforeValidator(_given)]
AnyText = Annotated[str | None, BeforeValidator(_given)]
OPEN = ConfigDict(extra="allow")


class Link(BaseModel):
    """A link of an entity, shown on its page."""

    model_config = OPEN
    url: Annotated[str, AfterValidator(_url)]
    title: Annotated[str | None, BeforeValidator(_given), AfterValidator(_not_blank)] = None
    icon: Annotated[str | None, BeforeValidator(_given), AfterValidator(_not_blank)] = None
    type: Maybe = None


class Metadata(BaseModel):
    """What every entity says about itself; unknown keys are kept."""

    model_config = OPEN
    name: Name
    namespace: Namespace = "default"
    title: Maybe = None
    description: AnyText = None
    labels: Annotated[dict[Key, Annotated[str, AfterValidator(_label_value)]] | None, BeforeValidator(_given)] = None
    annotations: Annotated[dict[Key, str] | None, BeforeValidator(_given)] = None
    tags: Annotated[list[Tag] | None, BeforeValidator(_given)] = None
    links: Annotated[list[Link] | None, BeforeValidator(_given)] = None


class Envelope(BaseModel):
    """The four fields of a document; nothing else may stand beside them."""

    model_config = ConfigDict(extra="forbid")
    apiVersion: Annotated[str, AfterValidator(_api_version)]  # noqa: N815 (the word of the format)
    kind: Annotated[str, _matching(KIND, "a letter, then letters and digits, at most 63 characters")]
    metadata: Metadata
    spec: Annotated[dict[str, Any] | None, BeforeValidator(_given)] = None


class Owned(BaseModel):
    """What belongs to somebody."""

    model_config = OPEN
    owner: Text


class ComponentSpec(Owned):
    """A piece of software: service, website, library."""

    type: Text
    lifecycle: Text
    system: Maybe = None
    subcomponentOf: Maybe = None  # noqa: N815
    providesApis: Texts = None  # noqa: N815
    consumesApis: Texts = None  # noqa: N815
    dependsOn: Texts = None  # noqa: N815


class ApiSpec(Owned):
    """An interface between components; `definition` is its text (OpenAPI, AsyncAPI, GraphQL, gRPC)."""

    type: Text
    lifecycle: Text
    definition: Text
    system: Maybe = None


class ResourceSpec(Owned):
    """Infrastructure that components need: database, bucket, queue."""

    type: Text
    system: Maybe = None
    dependsOn: Texts = None  # noqa: N815
    dependencyOf: Texts = None  # noqa: N815


class SystemSpec(Owned):
    """Components, APIs and resources that together do one thing."""

    domain: Maybe = None
    type: Maybe = None


class DomainSpec(Owned):
    """An area of the business."""

    subdomainOf: Maybe = None  # noqa: N815
    type: Maybe = None


class Profile(BaseModel):
    """How a person or group is shown."""

    model_config = OPEN
    displayName: Maybe = None  # noqa: N815
    email: Maybe = None
    picture: Maybe = None


MaybeProfile = Annotated[Profile | None, BeforeValidator(_given)]


class GroupSpec(BaseModel):
    """A team or another unit of the organisation."""

    model_config = OPEN
    type: Text
    children: list[Text]
    parent: Maybe = None
    members: Texts = None
    profile: MaybeProfile = None


class UserSpec(BaseModel):
    """A person; `memberOf` names the groups."""

    model_config = OPEN
    memberOf: list[Text]  # noqa: N815
    profile: MaybeProfile = None


class LocationSpec(BaseModel):
    """Other files to read."""

    model_config = OPEN
    type: Maybe = None
    target: Maybe = None
    targets: Texts = None
    presence: Annotated[str | None, BeforeValidator(_given)] = None

    @field_validator("presence")
    @classmethod
    def _presence(cls, value: str | None) -> str | None:
        if value not in (None, "required", "optional"):
            raise refuse("'required' or 'optional'")
        return value
