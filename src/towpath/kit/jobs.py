"""Durable execution: what a step is, and the port to DBOS. Nothing else imports dbos.

A step is a fact (one service call in one write transaction) or an act: `prepare(session)` returns frozen data, `do` holds
no session and is the only place for subprocess, network and templates, `settle` writes the effect. `runs` executes them.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from towpath.kit import db
from towpath.kit.actor import Actor

log = logging.getLogger(__name__)
APPLICATION_VERSION = "1"  # raised by hand when the order of recorded checkpoints changes


class _Wait:
    """The type of WAIT."""


WAIT = _Wait()
"""What a fact returns to leave its run `waiting`, in its own transaction; `runs.resume` calls the same fact again."""


class Cancelled(Exception):
    """Raised inside a step when the run was cancelled."""


class Stopped(BaseException):
    """Raised when the process stops before a run could write. DBOS keeps what ends in an Exception as ended; this leaves
    step and workflow as they are, and the next process goes on with them."""


@dataclass(frozen=True)
class Context:
    """What an act's `do` gets: no session is open; `read()` and `write()` each open one short one.

    `key` is the idempotency key of external effects, `workspace` the run's own folder, `log(text)` adds lines to the step.
    """

    actor: Actor
    key: str
    workspace: Path
    database: db.DatabaseRef
    log: Callable[[str], None]
    cancelled: Callable[[], bool]
    dry_run: bool = False

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A short session that reads."""
        with db.read(self.database) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A short session that writes; commits at the end of the block."""
        with db.write(self.database) as session:
            yield session

    def check(self) -> None:
        """Raise Cancelled when the run was cancelled meanwhile."""
        if self.cancelled():
            raise Cancelled


@dataclass(frozen=True)
class Fact:
    """A step that is one write transaction: `do(session, run) -> JSON`. `run` is a `sdk.types.RunView`.

    A result with `again: true` holds for this attempt only: a retry of the run decides it anew.
    """

    key: str
    title: str
    do: Callable[[Session, Any], Any]


@dataclass(frozen=True)
class Act:
    """A step with an outside effect; data and results are plain JSON values.

    `prepare(session, run) -> data`, `do(data, ctx) -> result`, `settle(session, run, data, result) -> stored result`.
    """

    key: str
    title: str
    prepare: Callable[[Session, Any], Any]
    do: Callable[[Any, Context], Any]
    settle: Callable[[Session, Any, Any, Any], Any] = lambda session, run, data, result: result


Step = Fact | Act


@dataclass(frozen=True)
class Job:
    """A kind of run: `steps(run)` names them in order; `ended(session, run)` hears the final status, in its transaction."""

    kind: str
    steps: Callable[[Any], Sequence[Step]]
    ended: Callable[[Session, Any], None] = lambda session, run: None


_execute: list[Callable[[str, str], None]] = []
_slots: list[threading.BoundedSemaphore] = []
_starter = ThreadPoolExecutor(2, thread_name_prefix="run-start")


_holding = threading.local()


@DBOS.workflow(name="towpath.run")
def _workflow(organisation: str, run_id: str) -> None:
    _in_its_place(organisation, run_id)


def _in_its_place(organisation: str, run_id: str) -> None:
    with _slots[0]:
        _holding.slot = True
        try:
            _execute[0](organisation, run_id)
        finally:
            _holding.slot = False


@contextmanager
def aside() -> Iterator[None]:
    """Give this run's place to others while it waits for one of them: many parents would leave none for their children."""
    if not getattr(_holding, "slot", False):
        yield
        return
    _slots[0].release()
    _holding.slot = False
    try:
        yield
    finally:
        _slots[0].acquire()
        _holding.slot = True


def launch(url: str, execute: Callable[[str, str], None], *, at_once: int, executor: str, threads: int = 256) -> None:
    """Start DBOS on its own database and recover what an earlier process of this executor left running."""
    if url.startswith("sqlite"):
        engine = create_engine(url)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        engine.dispose()
    _execute[:] = [execute]
    _slots[:] = [threading.BoundedSemaphore(at_once)]
    config: DBOSConfig = {
        "name": "towpath",
        "system_database_url": url,
        "application_version": APPLICATION_VERSION,
        "executor_id": executor,
        "serializer": DBOSPortableJSONSerializer(),
        "max_executor_threads": threads,
        "log_level": "ERROR",
        "enable_otlp": False,
        "notification_listener_polling_interval_sec": 1.0,
        "scheduler_polling_interval_sec": 60.0,
    }
    DBOS(config=config)
    DBOS.launch()


def start(organisation: str, run_id: str, attempt: int) -> None:
    """Start a run on a thread of this process; starting the same attempt twice does nothing the second time."""
    # On a thread of its own: DBOS refuses a start from inside a step, and a run started by a run is nobody's child here.
    _starter.submit(_start, organisation, run_id, attempt)


def _start(organisation: str, run_id: str, attempt: int) -> None:
    try:
        with SetWorkflowID(f"{run_id}.{attempt}"):
            DBOS.start_workflow(_workflow, organisation, run_id)
    except Exception:  # the run stays queued, and the sweep of runs starts it again
        log.exception("run %s could not be started", run_id)


def checkpoint(name: str, call: Callable[[], Any]) -> Any:
    """Run one step so that a restart does not repeat it once its result is recorded."""
    return DBOS.run_step({"name": name}, call)


def take_over(dead: Sequence[str]) -> int:
    """Resume on this executor what executors that lost their heartbeat left pending. Returns how many runs."""
    pending = [one.workflow_id for name in dead for one in DBOS.list_workflows(status="PENDING", executor_id=name)]
    if pending:
        DBOS.resume_workflows(pending)
    return len(pending)


def forget(before: datetime) -> None:
    """Delete the records of workflows that ended before a moment; runs keep their own."""
    ended = ["SUCCESS", "ERROR", "CANCELLED"]
    while old := DBOS.list_workflows(
        status=ended, completed_before=before.isoformat(), limit=500, load_input=False, load_output=False
    ):
        DBOS.delete_workflows([one.workflow_id for one in old])


def shutdown(wait_s: int = 0) -> None:
    """Stop taking work; running steps get `wait_s` seconds, what is left resumes at the next launch."""
    DBOS.destroy(workflow_completion_timeout_sec=wait_s)
