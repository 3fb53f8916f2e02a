"""Executes runs: each step once, in order, its result stored with its effect; resumes after a crash where it stopped."""

import errno
import logging
import os
import threading
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from towpath.kit import clock, db, events, faults, jobs, live, settings
from towpath.kit.errors import TowpathError, Unavailable
from towpath.kit.jobs import WAIT, Act, Cancelled, Context, Fact, Job, Step, Stopped
from towpath.runs import queries, service
from towpath.runs.logs import RunLogWriter, clean
from towpath.runs.model import ENDED, Run, RunStep
from towpath.sdk.types import RunView

log = logging.getLogger(__name__)
SWEEP_S = 5.0
INSIST_S = 1.0
Tell = Callable[[Session, RunView], None]


class Executor:
    """The executor of one process. `database(organisation)` finds where a run lives, `job_kinds` what it may do."""

    def __init__(self, job_kinds: Mapping[str, Job], database: Callable[[str], db.DatabaseRef]) -> None:
        self.job_kinds = job_kinds
        self.database = database
        self._stop = threading.Event()

    def execute(self, organisation: str, run_id: str) -> None:
        """Run what is left of a run; the durable workflow of kit.jobs calls this."""
        ref = self.database(organisation)
        run = self._insist(lambda: self._begin(ref, run_id))
        if run is None:
            return
        job = self.job_kinds.get(run.kind)
        if job is None:
            error = {"message": f"no installed capability runs '{run.kind}'"}
            self._insist(lambda: self._finish(ref, run_id, "failed", error))
            return
        writer: RunLogWriter = self._insist(lambda: RunLogWriter(ref, run_id, run.root_id))
        try:
            outcome = self._steps(ref, run, job, writer)
        except Exception as error:  # the list of steps itself could not be made
            log.exception("run %s", run_id)
            outcome = ("failed", _error(error))
        status, wrong = outcome
        self._insist(writer.flush)
        self._insist(lambda: self._end(ref, run_id, status, wrong, job))

    def _insist(self, write: Callable[[], Any]) -> Any:
        """Write as soon as the database takes it: a full disk must not leave a run that never ends.

        Raises Stopped once the process stops; the next one goes on with the run.
        """
        while True:
            try:
                return write()
            except Unavailable as error:
                log.warning("a run waits for its database: %s", error.message)
            except Exception:  # an empty pool, or two that wrote at once: neither lasts
                log.exception("a run waits until it can write")
            if self._stop.wait(INSIST_S):
                raise Stopped

    def _begin(self, ref: db.DatabaseRef, run_id: str) -> RunView | None:
        with db.write(ref) as session:
            row = queries.get(session, run_id, lock=True)
            if row is None or row.status in (*ENDED, "waiting"):
                return None
            row.status, row.started_at = "running", row.started_at or clock.now()
            _wake_later(session, row)
            return service.view(session, row)

    def _steps(
        self, ref: db.DatabaseRef, run: RunView, job: Job, writer: RunLogWriter
    ) -> tuple[str, dict[str, Any] | None]:
        steps = list(job.steps(run))
        with db.write(ref) as session:
            _plan_steps(session, run.id, steps)
        for step in steps:
            ended: dict[str, Any] = jobs.checkpoint(
                step.key, lambda step=step: self._step(ref, run.id, job, step, writer)
            )
            if ended["status"] != "succeeded":
                return ended["status"], ended.get("error")
        return "succeeded", None

    def _step(self, ref: db.DatabaseRef, run_id: str, job: Job, step: Step, writer: RunLogWriter) -> dict[str, Any]:
        try:
            waiting = self._act(ref, run_id, job, step, writer)
        except Cancelled:
            self._insist(lambda: self._mark(ref, run_id, step.key, "cancelled", "cancelled"))
            return {"status": "cancelled"}
        except Exception as error:
            if not isinstance(error, TowpathError) and not _full(error):
                log.exception("run %s, step %s", run_id, step.key)
            found = _error(error)
            words = str(error) if isinstance(error, TowpathError) else found["message"]
            writer.line(step.key, words)
            self._insist(lambda: self._mark(ref, run_id, step.key, "failed", words))
            return {"status": "failed", "error": {**found, "step": step.key}}
        finally:
            writer.close_step(step.key)
        return {"status": "waiting" if waiting else "succeeded"}

    def _act(self, ref: db.DatabaseRef, run_id: str, job: Job, step: Step, writer: RunLogWriter) -> bool:
        place = f"{job.kind}/{step.key}"
        with db.write(ref) as session:
            row = queries.step(session, run_id, step.key)
            run_row = queries.get(session, run_id)
            if row is None or run_row is None or row.status in ("succeeded", "skipped"):
                return False
            if run_row.cancelling:
                raise Cancelled
            row.status, row.started_at, row.error = "running", row.started_at or clock.now(), None
            _wake_later(session, run_row)
            run = service.view(session, run_row)
            if isinstance(step, Fact):
                faults.point(f"{place}/before-do")
                data = _decide(session, step, row, run_row, run)
                faults.point(f"{place}/after-do")
            else:
                service.refuse_lost_files(session, run_id)
                data = step.prepare(session, run)
        if isinstance(step, Fact):
            faults.point(f"{place}/after-settle")
            return data is WAIT
        faults.point(f"{place}/before-do")
        db.refuse_transaction()
        context = self._context(ref, run, step, writer)
        result = step.do(data, context)
        faults.point(f"{place}/after-do")
        writer.flush()
        with db.write(ref) as session:
            row = queries.step(session, run_id, step.key)
            run_row = queries.get(session, run_id)
            if row is not None and run_row is not None:
                value = step.settle(session, service.view(session, run_row), data, result)
                _done(row, value, files=context.workspace.is_dir() and any(context.workspace.iterdir()))
                _wake_later(session, run_row)
        faults.point(f"{place}/after-settle")
        return False

    def _context(self, ref: db.DatabaseRef, run: RunView, step: Act, writer: RunLogWriter) -> Context:
        workspace = settings.current().folder("runs", run.id)
        os.utime(workspace)  # it is kept for a day from here
        return Context(
            actor=run.actor.in_run(run.id),
            key=f"{run.id}:{step.key}",
            workspace=workspace,
            database=ref,
            log=lambda text: writer.line(step.key, text),
            cancelled=_Cancelled(ref, run.id),
        )

    def _mark(self, ref: db.DatabaseRef, run_id: str, key: str, status: str, error: str) -> None:
        with db.write(ref) as session:
            row, run = queries.step(session, run_id, key), queries.get(session, run_id)
            if row is not None and run is not None:
                row.status, row.error, row.finished_at = status, clean(error)[:4000], clock.now()
                _wake_later(session, run)

    def _end(self, ref: db.DatabaseRef, run_id: str, status: str, error: dict[str, Any] | None, job: Job) -> None:
        """Finish a run; a job that fails to hear of it makes the run a failed one, not one that never ends."""
        faults_of_job: list[Exception] = []

        def tell(session: Session, run: RunView) -> None:
            try:
                job.ended(session, run)
            except Exception as fault:
                faults_of_job.append(fault)
                raise

        try:
            self._finish(ref, run_id, status, error, tell)
        except Exception as found:
            if not faults_of_job or isinstance(found, Unavailable):
                raise
            log.exception("run %s ends without its job", run_id)
            self._finish(ref, run_id, "failed", error or _error(faults_of_job[0]))

    def _finish(
        self, ref: db.DatabaseRef, run_id: str, status: str, error: dict[str, Any] | None, tell: Tell | None = None
    ) -> None:
        with db.write(ref) as session:
            row = queries.get(session, run_id, lock=True)
            if row is None or row.status in ENDED or status == "waiting":
                return  # a waiting run said so in the transaction that asked for the answer
            row.status, row.error = status, _clean(error)
            row.finished_at = clock.now()
            run = service.view(session, row)
            row.output = _output(run)
            if tell is not None:
                tell(session, service.view(session, row))
            data = {"run": run_id, "kind": row.kind, "status": row.status}
            events.emit(session, "run.ended", row.subject, data, actor=row.actor["ref"], root_id=row.root_id)
            _wake_later(session, row)
        if status == "succeeded":
            service.remove_workspaces([run_id])

    # ── starting and sweeping ─────────────────────────────────────────────────────────────────────────────────────────
    def start(self, databases: Callable[[], list[db.DatabaseRef]]) -> None:
        """Start runs as they are wished, and sweep up those that a crash left queued."""
        service.launch_with(jobs.start)
        threading.Thread(target=self._sweep, args=(databases,), name="runs-sweep", daemon=True).start()

    def stop(self) -> None:
        """Start nothing more."""
        service.launch_with(None)
        self._stop.set()

    def _sweep(self, databases: Callable[[], list[db.DatabaseRef]]) -> None:
        first = True
        while first or not self._stop.wait(SWEEP_S):
            late = clock.now() - timedelta(seconds=0 if first else 2)
            first = False
            try:
                for ref in databases():
                    self._sweep_queued(ref, late)
            except Exception:  # the next sweep may find disk and database back
                log.exception("runs could not be swept")

    def _sweep_queued(self, ref: db.DatabaseRef, late: datetime) -> None:
        try:
            with db.read(ref) as session:
                left = [(row.id, row.attempt) for row in queries.queued_before(session, late)]
            for run_id, attempt in left:
                jobs.start(ref.name, run_id, attempt)
        except Exception:  # the sweep of the other organisations goes on
            log.exception("runs of %s could not be swept", ref.name)


class _Cancelled:
    """Whether a run was cancelled; asks the database at most twice a second."""

    def __init__(self, ref: db.DatabaseRef, run_id: str) -> None:
        self._ref, self._run_id = ref, run_id
        self._asked = 0.0
        self._answer = False

    def __call__(self) -> bool:
        moment = clock.now().timestamp()
        if not self._answer and moment - self._asked > 0.5:
            self._asked = moment
            with db.read(self._ref) as session:
                row = queries.get(session, self._run_id)
                self._answer = row is None or row.cancelling
        return self._answer


def _plan_steps(session: Session, run_id: str, steps: list[Step]) -> None:
    known = {one.key: one for one in queries.steps(session, [run_id])}
    for position, step in enumerate(steps):
        if step.key not in known:
            session.add(RunStep(run_id=run_id, key=step.key, position=position, title=step.title, status="pending"))


def _decide(session: Session, step: Fact, row: RunStep, run_row: Run, run: RunView) -> Any:
    value = step.do(session, run)
    if value is WAIT:
        # On PostgreSQL somebody may cancel meanwhile, and cancelling starts only a run that waits already.
        held = queries.get(session, run_row.id, lock=True)
        if held is None or held.cancelling:
            raise Cancelled
        run_row.status = row.status = "waiting"
    else:
        _done(row, value)
    return value


def _done(row: RunStep, value: Any, *, files: bool = False) -> None:
    skipped = isinstance(value, dict) and value.get("skipped") is True
    row.status, row.finished_at = ("skipped" if skipped else "succeeded"), clock.now()
    row.result = {"value": value, **({"files": True} if files else {})}


def _output(run: RunView) -> dict[str, Any]:
    for step in reversed(run.steps):
        value = run.results.get(step.key)
        if step.status == "succeeded":
            return dict(value["output"]) if isinstance(value, dict) and isinstance(value.get("output"), dict) else {}
    return {}


def _error(error: Exception) -> dict[str, Any]:
    if isinstance(error, TowpathError):
        return {
            "message": error.message,
            "hint": error.hint,
            "errors": [problem.as_dict() for problem in error.problems],
        }
    if _full(error):
        home = settings.current().home
        return {"message": f"the disk is full: {error}", "hint": f"free space where {home} lies, then retry"}
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{last.name}, line {last.lineno}"
    return {
        "message": f"{type(error).__name__}: {error}",
        "hint": f"this is a fault of the platform ({where}); see its log",
    }


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _clean(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_clean(one) for one in value]
    return clean(value) if isinstance(value, str) else value


def _full(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _wake_later(session: Session, row: Run) -> None:
    topics = (f"run:{row.id}", f"run:{row.root_id}", f"runs:{db.database(session).name}")
    db.after_commit(session, lambda: [live.wake(one) for one in topics])
