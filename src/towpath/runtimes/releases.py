"""A release: layer and wheel in a fresh folder of the platform's, ready to run without any network.

The dependency layer is not copied but named in a `.pth` file: nothing a tenant may write is linked, and a release costs
the size of its own wheel. Layer and wheel are artifacts, so going back to an earlier bundle makes its release again.
"""

import contextlib
import json
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from uv import find_uv_bin

from towpath.kit import files, jail
from towpath.kit.errors import Invalid, Unavailable
from towpath.kit.jail import Bind, Cell
from towpath.runtimes import state

SECRETS, SHOWN = "secrets.json", "venv"
"""In a release's folder: its secrets, and what its processes see of it."""


@dataclass(frozen=True)
class Release:
    """What shall run: `id` is new for every deployment, `layer` a relocatable venv, `command` an argument list in which
    `$PORT` stands for the port. Secrets stay out of repr, argument lists and supervisor's files."""

    id: str
    logical: str
    organisation: str
    component: str
    environment: str
    wheel: Path
    layer: Path
    command: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)
    secret_variables: dict[str, str] = field(default_factory=dict, repr=False)
    ready: str = "/readyz"
    live: str = "/healthz"

    def __post_init__(self) -> None:
        if not state.RELEASE.fullmatch(self.id):
            raise Invalid(f"'{self.id}' is not a release's name", hint="letters, digits, '.', '_', '-'")
        if not self.command:
            raise Invalid("the release has no start command", hint="give the bundle a start command")


def folder(logical: str, release: str) -> Path:
    """Where the release lies."""
    return state.folder(logical) / "releases" / release


def prepare(release: Release, port: int) -> Path:
    """The release's folder, complete; a finished one is used again, with variables and secrets written anew."""
    place = folder(release.logical, release.id)
    place.parent.mkdir(exist_ok=True, mode=0o700)
    if not place.exists():
        _sweep(place.parent)
        fresh = place.parent / f".{release.id}"
        fresh.mkdir(mode=0o700)
        _environment(fresh / "venv", release.layer)
        _install(fresh / "venv", release)
        fresh.rename(place)
    cell = _cell(release, place, port)
    jail.seal(place / SECRETS, json.dumps(release.secret_variables).encode(), cell)
    program = [part.replace("${PORT}", str(port)).replace("$PORT", str(port)) for part in release.command]
    jailed = jail.command(
        cell, command_line(program, place / "venv" / "bin", release.logical), spec_path=place / "cell.json"
    )
    files.write_json(place / "command.json", jailed)
    return place


def command_line(program: list[str], bin_folder: Path, name: str) -> list[str]:
    """The program as an argument list: Python and its console scripts from the release, anything else as it is.

    `-X service=NAME` puts the service's name on the command line without meaning anything to Python.
    """
    first, rest = program[0], program[1:]
    python = [str(bin_folder / "python"), "-X", f"service={name}"]
    if first in ("python", "python3"):
        return [*python, *rest]
    if "/" not in first and (bin_folder / first).is_file():
        return [*python, str(bin_folder / first), *rest]
    return [first, *rest]


def command(logical: str, release: str) -> list[str]:
    """The argument list supervisord gets: log file, pid file, and the file that says jail and program."""
    place = folder(logical, release)
    (state.folder(logical) / "logs").mkdir(exist_ok=True, mode=0o700)
    log, pid = state.folder(logical) / "logs" / f"{release}.log", place / "pid"
    outside = str(Path(__file__).with_name("outside.py"))
    return [sys.executable, "-I", "-S", outside, str(log), str(pid), str(place / "command.json")]


def _cell(release: Release, place: Path, port: int) -> Cell:
    """What the service sees: its own venv and the layer, read-only, at the paths they have outside; nothing else of ours."""
    shown = [place / SHOWN, release.layer]
    sealed = place / SECRETS
    return Cell(
        purpose="service",
        organisation=release.organisation,
        name=release.logical,
        binds=tuple(Bind(path, str(path)) for path in shown),
        environment={
            "PATH": f"{place / 'venv' / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "TOWPATH_SECRETS_FILE": str(sealed) if jail.probe().kind == "none" else "/towpath/sealed/0.json",
            **release.variables,
        },
        cwd="/tmp",  # noqa: S108 (the jail's own)
        sealed=(sealed,),
    )


def secret_values(logical: str, release: str) -> list[str]:
    """The secrets of a release, for masking them in its log."""
    try:
        values = json.loads((folder(logical, release) / SECRETS).read_text()).values()
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [line for value in values for line in value.splitlines() if len(line) >= 4]


def remove(logical: str, release: str) -> None:
    """Take the folder of a release away, and what was left half made or half removed; a second call finds nothing.

    Half a release must never stand at its place: `prepare` takes what stands there for a complete one.
    """
    place = folder(logical, release)
    _sweep(place.parent)
    with contextlib.suppress(FileNotFoundError):
        place.rename(place.with_name(f".{release}.gone"))
    _sweep(place.parent)


def _sweep(releases: Path) -> None:
    for path in releases.glob(".*"):
        shutil.rmtree(path, ignore_errors=True)


def _environment(venv: Path, layer: Path) -> None:
    """A venv of the layer's interpreter that finds the layer's packages behind its own."""
    packages = next((layer / "lib").glob("python3.*/site-packages"), None)
    if packages is None:
        raise Unavailable(f"the dependency layer {layer.name} is not complete", hint="run the pipeline again")
    own = venv / packages.relative_to(layer)
    own.mkdir(parents=True)
    for each in (venv, *own.relative_to(venv).parents):
        (venv / each).chmod(0o755)
    own.chmod(0o755)
    shutil.copyfile(layer / "pyvenv.cfg", venv / "pyvenv.cfg")
    shutil.copytree(layer / "bin", venv / "bin", symlinks=True)
    (own / "_layer.pth").write_text(f"{packages}\n")


def _install(venv: Path, release: Release) -> None:
    """Install the wheel into the release's venv, in the jail: it may bring files that Python runs whenever it starts."""
    wheel = venv / release.wheel.name
    shutil.copyfile(release.wheel, wheel)  # the store is the platform's own, no cell reads it
    cell = Cell(
        purpose="release",
        organisation=release.organisation,
        work=venv,
        binds=(Bind(Path(find_uv_bin()), "/towpath/bin/uv"),),
        network=False,
    )
    argv = [
        *("uv", "pip", "install", "--quiet", "--no-deps", "--offline", "--no-index", "--no-cache", "--no-config"),
        *("--compile-bytecode", "--link-mode=copy", "--python", "/work", f"/work/{wheel.name}"),
    ]
    made = jail.run(cell, argv, timeout_s=120)
    if made.code:
        words = made.stderr.decode(errors="replace").strip()[-400:]
        raise Unavailable(f"the wheel {wheel.name} could not be installed: {words}", hint="build it again")
    wheel.unlink()
    jail.reclaim(venv)
