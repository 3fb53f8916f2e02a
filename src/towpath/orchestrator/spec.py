"""Documents of the orchestrator: the Score workload (score.dev/v1b1) and the platform's ResourceDefinition."""

import base64
import binascii
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from towpath.kit import expressions
from towpath.kit.errors import Invalid

_CLOSED = ConfigDict(extra="forbid", populate_by_name=True)
_LABEL = r"^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$"
_TYPE = r"^[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9]$"
_ANNOTATION = (
    r"^(([a-z0-9][a-z0-9-]{0,61}[a-z0-9])(\.[a-z0-9][a-z0-9-]{0,61}[a-z0-9])*/)?"
    r"[A-Za-z0-9][A-Za-z0-9._-]{0,61}[A-Za-z0-9]$"
)

Label = Annotated[str, StringConstraints(pattern=_LABEL)]
TypeName = Annotated[str, StringConstraints(pattern=_TYPE)]
Annotations = dict[Annotated[str, StringConstraints(pattern=_ANNOTATION, max_length=316)], str]
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]


def _expect(expected: str, hint: str = "") -> PydanticCustomError:
    return PydanticCustomError("expected", "{expected}", {"expected": expected, "hint": hint})


# ── Score ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
class ServicePort(BaseModel):
    """A published port."""

    model_config = _CLOSED
    port: Port
    protocol: Literal["TCP", "UDP"] = "TCP"
    target_port: Port | None = Field(None, alias="targetPort")


class Service(BaseModel):
    """The ports a workload publishes."""

    model_config = _CLOSED
    ports: dict[Label, ServicePort] = {}


class Quantity(BaseModel):
    """Compute and memory."""

    model_config = _CLOSED
    memory: str | None = Field(None, pattern=r"^(0\.\d+|[1-9]\d*(\.\d+)?)(K|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$")
    cpu: str | None = Field(None, pattern=r"^\d+(?:m|\.\d+)?$")


class Compute(BaseModel):
    """Least and most a container may use."""

    model_config = _CLOSED
    limits: Quantity | None = None
    requests: Quantity | None = None


class Header(BaseModel):
    """A header of a probe."""

    model_config = _CLOSED
    name: str
    value: str


class HttpGet(BaseModel):
    """A probe by HTTP."""

    model_config = _CLOSED
    path: str
    port: Port
    scheme: Literal["HTTP", "HTTPS"] = "HTTP"
    host: str | None = None
    http_headers: list[Header] = Field([], alias="httpHeaders")


class Exec(BaseModel):
    """A probe by command."""

    model_config = _CLOSED
    command: list[str]


class Probe(BaseModel):
    """How to ask a container whether it is well: `httpGet`, `exec` or both."""

    model_config = _CLOSED
    http_get: HttpGet | None = Field(None, alias="httpGet")
    exec: Exec | None = None

    @model_validator(mode="after")
    def _one(self) -> "Probe":
        if self.http_get is None and self.exec is None:
            raise _expect("'httpGet' or 'exec'")
        return self


class File(BaseModel):
    """A file put into a container."""

    model_config = _CLOSED
    mode: str | None = Field(None, pattern=r"^0?[0-7]{3}$")
    source: str | None = Field(None, min_length=1)
    content: str | None = None
    binary_content: str | None = Field(None, alias="binaryContent")
    no_expand: bool = Field(False, alias="noExpand")

    @model_validator(mode="after")
    def _one(self) -> "File":
        if sum(one is not None for one in (self.source, self.content, self.binary_content)) != 1:
            raise _expect("exactly one of 'source', 'content' and 'binaryContent'")
        try:
            base64.b64decode(self.binary_content or "", validate=True)
        except binascii.Error as error:
            raise _expect("'binaryContent' in base64") from error
        return self


class Volume(BaseModel):
    """A volume mounted into a container."""

    model_config = _CLOSED
    source: str
    path: str | None = None
    read_only: bool = Field(False, alias="readOnly")


class Before(BaseModel):
    """What this container must have reached before the named one starts."""

    model_config = _CLOSED
    ready: Literal["started", "healthy", "complete"]


def _by_target(value: Any) -> Any:
    """The deprecated list form as a mapping; what cannot be read so is left for the validation to name."""
    if not isinstance(value, list) or not all(isinstance(one, dict) and "target" in one for one in value):
        return value
    return {one["target"]: {key: item for key, item in one.items() if key != "target"} for one in value}


def _files(value: Any) -> Any:
    """Also joins the old form of `content`, a list of lines."""
    named = _by_target(value)
    if not isinstance(named, dict):
        return named
    joined = {}
    for target, file in named.items():
        lines = file.get("content") if isinstance(file, dict) else None
        is_lines = isinstance(lines, list) and all(isinstance(one, str) for one in lines)
        joined[target] = {**file, "content": "\n".join(lines)} if is_lines else file
    return joined


def _volumes(value: Any) -> Any:
    """Also renames the old `read_only`."""
    named = _by_target(value)
    if not isinstance(named, dict):
        return named
    return {
        target: {("readOnly" if key == "read_only" else key): item for key, item in volume.items()}
        if isinstance(volume, dict)
        else volume
        for target, volume in named.items()
    }


class Container(BaseModel):
    """One process of a workload."""

    model_config = _CLOSED
    image: str = Field(min_length=1)
    command: list[str] = []
    args: list[str] = []
    variables: dict[Annotated[str, StringConstraints(pattern=r"^[^=]+$")], str] = {}
    files: Annotated[dict[str, File], BeforeValidator(_files)] = {}
    volumes: Annotated[dict[str, Volume], BeforeValidator(_volumes)] = {}
    before: dict[Label, Before] = {}
    resources: Compute | None = None
    liveness: Probe | None = Field(None, alias="livenessProbe")
    readiness: Probe | None = Field(None, alias="readinessProbe")


class Metadata(BaseModel):
    """Name and annotations; further keys are free."""

    model_config = ConfigDict(extra="allow")
    name: Label
    annotations: Annotations = {}


class ResourceMetadata(BaseModel):
    """Hints for who provisions a resource; keys are free."""

    model_config = ConfigDict(extra="allow")
    annotations: Annotations = {}


class Resource(BaseModel):
    """Something the workload needs."""

    model_config = _CLOSED
    type: TypeName
    class_: TypeName = Field("default", alias="class")
    id: str | None = Field(None, max_length=63, pattern=r"^[a-z0-9]+(?:-+[a-z0-9]+)*(?:\.[a-z0-9]+(?:-+[a-z0-9]+)*)*$")
    metadata: ResourceMetadata = ResourceMetadata()
    params: dict[str, Any] = {}


class Score(BaseModel):
    """A workload as Score v1b1 describes it."""

    model_config = _CLOSED
    api_version: Literal["score.dev/v1b1"] = Field(alias="apiVersion")
    metadata: Metadata
    service: Service = Service()
    containers: dict[Label, Container] = Field(min_length=1)
    resources: dict[Label, Resource] = {}


# ── definitions ───────────────────────────────────────────────────────────────────────────────────────────────────────
def _names(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Names = Annotated[list[str], BeforeValidator(_names)]


class Match(BaseModel):
    """Where a definition applies; an absent field means everywhere. A field takes one name or a list of names."""

    model_config = _CLOSED
    environment: Names = []
    environment_type: Names = Field([], alias="environmentType")
    component: Names = Field([], description="Entity refs or plain names of components.")
    resource: Names = Field([], description="Names of resources in the workload, or shared ids.")
    when: str = Field("", description="CEL over `resource`, `environment`, `component`; must be true or false.")

    @model_validator(mode="after")
    def _compiles(self) -> "Match":
        try:
            if self.when:
                expressions.compile(self.when)
        except Invalid as error:
            raise _expect(f"a condition in CEL: {error.problems[0].message}") from error
        return self


def _match(value: Any) -> Any:
    return {"when": value} if isinstance(value, str) else value


class ResourceDefinitionSpec(BaseModel):
    """`spec` of kind ResourceDefinition: which driver brings resources of a type about, where, and with what.

    `params` win over what the workload asks, `defaults` lose against it; both may hold placeholders.
    """

    model_config = _CLOSED
    type: TypeName
    class_: TypeName | Literal["*"] = Field("default", alias="class", description="`*` serves every class.")
    driver: str = Field(min_length=1)
    match: Annotated[Match, BeforeValidator(_match)] = Match()
    params: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    outputs: list[str] = Field([], description="Outputs a workload may name; empty when any.")
    stateful: bool = Field(False, description="Whether destroying it loses data.")
