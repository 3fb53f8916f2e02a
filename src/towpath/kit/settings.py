"""All settings, in one typed class: environment `TOWPATH_*`, then `towpath.yaml` in the working folder, then defaults."""

from functools import cached_property
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)


class Settings(BaseSettings):
    """Settings of one install. Every field is a `TOWPATH_<NAME>` variable and a key of `towpath.yaml`."""

    model_config = SettingsConfigDict(env_prefix="TOWPATH_", yaml_file="towpath.yaml", extra="ignore")

    home: Path = Field(Path(".towpath"), description="Data folder: databases, repositories, artifacts, logs. 0700.")
    host: str = Field("127.0.0.1", description="Address the portal listens on.")
    port: int = Field(7007, ge=1, le=65535, description="Port of the portal.")
    edge_port: int = Field(7080, ge=1, le=65535, description="Port of the edge in front of services.")
    port_base: int = Field(
        21000, ge=1024, le=32000, description="First of 4,000 loopback ports for services and engines."
    )
    public_url: str = Field("", description="Address people use for the portal; default http://HOST:PORT.")
    database_url: SecretStr | None = Field(
        None,
        description="PostgreSQL of the platform (postgresql+psycopg://…); absent: SQLite files in the data folder.",
    )
    demo: bool = Field(True, description="Load the demo organisation and offer its accounts on the sign-in page.")
    production: bool = Field(False, description="Refuse to start where code that is not ours cannot be isolated.")
    runs_at_once: int = Field(64, ge=1, description="Runs executing in one process at the same time.")
    pipelines_at_once: int = Field(2, ge=1, description="Pipelines executing in one process at the same time.")
    pipeline_timeout_s: float = Field(900.0, gt=0, description="Seconds after which a pipeline is ended.")
    run_log_bytes: int = Field(8_000_000, ge=10_000, description="Bytes of log kept for one step; the rest is counted.")
    ready_timeout_s: float = Field(20.0, gt=0, description="Seconds a new release has to become ready.")
    drain_s: float = Field(2.0, ge=0, description="Seconds an old release may finish its requests after the switch.")
    template_timeout_s: float = Field(10.0, gt=0, description="Seconds one rendering of a template may take.")
    template_memory_mb: int = Field(512, ge=64, description="Memory of one template child in MB.")
    session_hours: int = Field(12, ge=1, description="Hours a sign-in lasts.")
    fetch_allow: list[str] = Field(default_factory=list, description="Host patterns outbound fetches may reach.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, the environment over `towpath.yaml`."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, YamlConfigSettingsSource(settings_cls)

    @cached_property
    def data(self) -> Path:
        """The data folder as an absolute path; made 0700 on first use."""
        folder = self.home.expanduser().absolute()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        return folder

    @property
    def url(self) -> str:
        """The address of the portal as people type it, without a trailing slash."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    def folder(self, *names: str) -> Path:
        """A folder below the data folder, made 0700 when absent."""
        path = self.data.joinpath(*names)
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path


_current: list[Settings] = []


def use(settings: Settings) -> Settings:
    """Make `settings` those of this process; the entrances and tests call it once."""
    _current[:] = [settings]
    return settings


def current() -> Settings:
    """The settings of this process; read from environment and file on first use."""
    return _current[0] if _current else use(Settings())
