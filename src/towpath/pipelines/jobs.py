"""A pipeline's run: check out exactly the commit, prepare its layers, run its workflows in the jail, publish the bundle."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from towpath.artifacts import layers
from towpath.artifacts import service as artifacts
from towpath.artifacts.service import Packed
from towpath.kit import clock, db, ids, jail, settings
from towpath.kit.errors import Invalid, Unavailable
from towpath.kit.jobs import Act, Context, Job
from towpath.pipelines import act, queries
from towpath.pipelines.masking import Mask
from towpath.pipelines.model import PipelineStep
from towpath.repositories import git
from towpath.repositories import service as repositories
from towpath.sdk.types import RunView
from towpath.secrets import service as secrets

OUTPUT = "output/bundle"
SECRETS = "secrets.yaml"
_places: dict[int, threading.BoundedSemaphore] = {}
WORDS = {"success": "succeeded", "failure": "failed", "skipped": "skipped"}


def _input(session: db.Session, run: RunView) -> dict[str, Any]:
    return {**run.input, "run": run.id, "root": run.root_id, "started": run.started_at or clock.now()}


def _checkout(data: dict[str, Any], ctx: Context) -> dict[str, Any]:
    source = _fresh(data, ctx)
    ctx.log(f"Checked out {data['name']} at {data['commit']}")
    workflows = sorted(path.name for path in (source / ".github/workflows").glob("*.y*ml"))
    return {"workflows": workflows}


def _fresh(data: dict[str, Any], ctx: Context) -> Path:
    """The files of the commit and nothing else, in place at once or not at all: a folder that a crash or an earlier attempt
    left half made would pass for a commit without workflows. Returns the folder of the source."""
    work, made = ctx.workspace / "work", ctx.workspace / f"checkout-{ids.uuid7()}"
    jail.end_left(work)
    with suppress(FileNotFoundError):
        work.rename(ctx.workspace / f"old-{ids.uuid7()}")  # what cannot be emptied can be moved away
    for pattern in ("old-*", "checkout-*"):
        for one in ctx.workspace.glob(pattern):
            shutil.rmtree(one, ignore_errors=True)
    git.checkout(repositories.folder(data["repository"]), data["commit"], made / "source", data["branch"])
    (made / OUTPUT).mkdir(parents=True)
    made.rename(work)
    return work / "source"


def _locks(ctx: Context) -> dict[str, str]:
    """The locks of the commit. Raises Invalid for one that is a link, and could name any file of the platform."""
    source = ctx.workspace / "work" / "source"
    found = [path for name in ("requirements-dev.lock", "requirements.lock") if (path := source / name).exists()]
    _refuse_odd(*found)
    return {path.name: path.read_text(errors="replace") for path in found}


def _layers(data: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """Both layers at once; a lock that is wrong fails here, with every line."""
    locks = _locks(ctx)
    with ThreadPoolExecutor(2) as pool:
        made = {name: pool.submit(layers.ensure, lock, ctx.database.name, ctx.log) for name, lock in locks.items()}
    return {name: future.result().name for name, future in made.items()}


def _workflow_input(session: db.Session, run: RunView) -> dict[str, Any]:
    queries.clear(session, run.id)
    subject = f"repository:{run.input['repository']}"
    return {
        **_input(session, run), "workflows": run.results["checkout"]["workflows"], "layers": run.results["layers"],
        "secrets": {one.name: one.ref for one in secrets.listed(session, subject) if one.subject == subject},
        "actor": run.actor.ref.rpartition("/")[2],
    }  # fmt: skip


def _workflow(data: dict[str, Any], ctx: Context) -> dict[str, Any]:
    if not data["workflows"]:
        ctx.log("This commit has no .github/workflows/*.yml: nothing to run")
        return {"skipped": True}
    place = _places.setdefault(0, threading.BoundedSemaphore(settings.current().pipelines_at_once))
    if not place.acquire(blocking=False):
        ctx.log("Waiting for a place: other pipelines are running")
        while not place.acquire(timeout=0.5):
            ctx.check()
    try:
        return _run_act(data, ctx)
    finally:
        place.release()


def _run_act(data: dict[str, Any], ctx: Context) -> dict[str, Any]:
    with ctx.read() as session:
        values = {name: secrets.resolve(session, ref).reveal() for name, ref in data["secrets"].items()}
    mask, report = Mask(values.values()), _Report(data["run"], ctx)
    begun = ctx.workspace / "begun"
    if begun.exists():
        ctx.log("Begins again on a clean checkout")
        _fresh(data, ctx)
    begun.touch()
    cell = _cell(data, ctx, values)

    def on_line(line: act.Line) -> None:
        report.take(line, mask.text(line.text))

    try:
        outcome = act.run(
            cell, branch=data["branch"], event={"after": data["commit"], "repository": {"name": data["name"]}},
            actor=data["actor"], secrets_file=bool(values), timeout_s=settings.current().pipeline_timeout_s,
            cancelled=ctx.cancelled, on_line=on_line,
        )  # fmt: skip
    finally:
        (ctx.workspace / SECRETS).unlink(missing_ok=True)
    ctx.check()
    if outcome.timed_out:
        limit = settings.current().pipeline_timeout_s
        report.close("failed")
        raise Unavailable(
            f"the workflow did not end within {limit:.0f} s", hint="see its last lines, then run it again"
        )
    if outcome.code:
        report.close("failed")
        failed = report.failed or mask.text(outcome.error) or f"act ended with {outcome.code}"
        raise Unavailable(f"the workflow failed: {failed}", hint="see the log of the failed step, push a fix")
    return {"jobs": report.jobs}


def _cell(data: dict[str, Any], ctx: Context, values: dict[str, str]) -> jail.Cell:
    config, binds = settings.current(), []
    cache = config.folder("cache", f"pipelines-{ctx.database.name}")
    binds.append(jail.Bind(cache, "/cache", writable=True))
    python = jail.interpreter()
    environment = {
        **jail.environment_passthrough(), "CI": "true", "TOWPATH_OUTPUT": "/work/output", "UV_CACHE_DIR": "/cache",
        "UV_PYTHON": str(python), "UV_PYTHON_DOWNLOADS": "never", "UV_NO_CONFIG": "1", "UV_SYSTEM_CERTS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "UV_LINK_MODE": "copy", "TERM": "dumb",
    }  # fmt: skip
    path = "/towpath/bin:/usr/local/bin:/usr/bin:/bin"
    if dev := data["layers"].get("requirements-dev.lock"):
        binds.append(jail.Bind(layers.folder(dev), "/towpath/dev"))
        environment |= {"TOWPATH_DEV_LAYER": "/towpath/dev", "VIRTUAL_ENV": "/towpath/dev"}
        path = f"/towpath/dev/bin:{path}"
    environment["PATH"] = path
    cell = jail.Cell(
        "pipeline", ctx.database.name, work=ctx.workspace / "work", binds=tuple(binds), environment=environment,
        file_mb=2000, processes=4000,
    )  # fmt: skip
    if values:
        sealed = ctx.workspace / SECRETS
        jail.seal(sealed, act.secrets_of(values), cell)
        cell = jail.Cell(**{**vars(cell), "binds": (*binds, jail.Bind(sealed, act.SECRETS))})
    return cell


class _Report:
    """Writes jobs and steps as they change, and the log with them."""

    def __init__(self, run_id: str, ctx: Context) -> None:
        self._run_id, self._ctx = run_id, ctx
        self._open: dict[tuple[str, int], PipelineStep] = {}
        self.jobs: dict[str, str] = {}
        self.failed = ""

    def take(self, line: act.Line, text: str) -> None:
        """One line of act."""
        key = (line.job, line.number)
        if line.number and key not in self._open:
            self._put(key, line.step, "running")
            self._ctx.log(f"\x1b[1m▸ {line.step}\x1b[0m")
        if line.output and text:
            self._ctx.log(text)
        if line.result and line.number:
            word = WORDS.get(line.result, "succeeded")
            self._put(key, line.step, word)
            if word == "failed":
                self.failed = f"step '{line.step}' of job '{line.job}'"
        if line.final:
            self.jobs[line.job] = "failed" if self.failed else "succeeded"

    def close(self, word: str) -> None:
        """Give the steps that were cut off an end."""
        for key, row in list(self._open.items()):
            if row.status == "running":
                self._put(key, row.name, word)

    def _put(self, key: tuple[str, int], name: str, status: str) -> None:
        before, moment = self._open.get(key), clock.now()
        row = PipelineStep(
            run_id=self._run_id, job=key[0], number=key[1], name=name, status=status,
            started_at=before.started_at if before else moment, finished_at=None if status == "running" else moment,
        )  # fmt: skip
        self._open[key] = row
        with self._ctx.write() as session:
            queries.put(session, row)


def _bundle(data: dict[str, Any], ctx: Context) -> dict[str, Any]:
    place = ctx.workspace / "work" / OUTPUT
    _refuse_odd(place.parent, place, *place.rglob("*"))
    if not place.is_dir() or not any(place.iterdir()):
        ctx.log("The workflow uploaded no artifact named 'bundle': nothing to deploy")
        return {"skipped": True}
    packed = artifacts.pack(
        ctx.database.name, place, repository=data["repository"], repository_url=data["url"], commit=data["commit"],
        run_id=data["run"], started=data["started"],
    )  # fmt: skip
    if not layers.complete(packed.layer):
        layers.ensure((place / "requirements.lock").read_text(), ctx.database.name, ctx.log)
    ctx.log(f"Bundle {packed.digest}, {packed.size_bytes:,} bytes")
    return asdict(packed)


def _refuse_odd(*paths: Path) -> None:
    """A link in what others hand over could name any file of the platform, and who reads a pipe waits for ever."""
    for path in paths:
        if path.is_symlink() or (path.exists() and not path.is_file() and not path.is_dir()):
            raise Invalid(f"'{path.name}' is neither a file nor a folder", hint="hand over files, not links or pipes")


def _publish(session: db.Session, run: RunView, data: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    if result.get("skipped"):
        return {"output": {}}
    digest = artifacts.publish(
        session, run.actor, Packed(**result), repository=data["repository"], commit=data["commit"],
        branch=data["branch"], run_id=run.id, root_id=run.root_id,
    )  # fmt: skip
    return {"output": {"digest": digest, "commit": data["commit"]}}


def _steps(run: RunView) -> list[Act]:
    return [
        Act("checkout", "Check out the commit", _input, _checkout),
        Act("layers", "Prepare dependencies", _input, _layers),
        Act("workflow", "Run the workflow", _workflow_input, _workflow),
        Act("bundle", "Publish the bundle", _input, _bundle, _publish),
    ]


PIPELINE = Job("pipeline", _steps)
