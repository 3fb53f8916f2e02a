"""The log of running steps: buffered, written in batches, limited per step, with secrets masked before anything is stored."""

import logging
import threading
from typing import Any

from towpath.kit import clock, db, live, settings
from towpath.kit.errors import Unavailable
from towpath.runs import queries

log = logging.getLogger(__name__)
FLUSH_S, AGAIN_S = 0.12, 1.0
LINE_LENGTH = 8000


def clean(text: str) -> str:
    """The text without what no database takes: NUL and halves of surrogate pairs."""
    return text.replace("\x00", "").encode(errors="replace").decode()


class RunLogWriter:
    """Collects lines of one run; a flusher thread writes them, `flush` writes what is left."""

    def __init__(self, ref: db.DatabaseRef, run_id: str, root_id: str) -> None:
        self._ref, self._run_id, self._topics = ref, run_id, {f"run:{run_id}", f"run:{root_id}"}
        with db.read(ref) as session:
            self._seq = queries.last_line(session, run_id)
        self._rows: list[dict[str, Any]] = []
        self._bytes: dict[str, int] = {}
        self._dropped: dict[str, int] = {}
        self._lock = threading.Lock()
        self._write_lock = threading.Lock()

    def line(self, step: str, text: str) -> None:
        """Add the lines of `text`; over the limit of a step they are counted, not kept."""
        limit = settings.current().run_log_bytes
        with self._lock:
            for part in text.splitlines() or [""]:
                used = self._bytes.get(step, 0) + len(part) + 1
                if used > limit:
                    self._dropped[step] = self._dropped.get(step, 0) + 1
                    continue
                self._bytes[step] = used
                self._add(step, part[:LINE_LENGTH])
        _flusher.watch(self)

    def _add(self, step: str, text: str) -> None:
        self._seq += 1
        row = {"run_id": self._run_id, "seq": self._seq, "step": step, "at": clock.now(), "text": clean(text)}
        self._rows.append(row)

    def close_step(self, step: str) -> None:
        """Write everything, and say how much was left out."""
        with self._lock:
            if dropped := self._dropped.pop(step, 0):
                limit = settings.current().run_log_bytes
                self._add(step, f"… {dropped:,} more lines left out: the log of a step is kept to {limit:,} bytes")
        try:
            self.flush()
        except Unavailable:
            _flusher.watch(self)
        except Exception:  # a step's result does not hang on its lines
            log.exception("lines of run %s are lost", self._run_id)

    def flush(self) -> None:
        """Write the lines collected so far in one transaction; raises Unavailable, and keeps them for the next try."""
        with self._write_lock:
            with self._lock:
                rows, self._rows = self._rows, []
            if not rows:
                return
            try:
                with db.write(self._ref) as session:
                    queries.add_lines(session, rows)
            except Unavailable:
                with self._lock:
                    self._rows[:0] = rows
                raise
        for topic in self._topics:
            live.wake(topic)


class _Flusher:
    """One thread for all runs of the process; sleeps while nobody writes."""

    def __init__(self) -> None:
        self._dirty: set[RunLogWriter] = set()
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None

    def watch(self, writer: RunLogWriter) -> None:
        with self._condition:
            self._dirty.add(writer)
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="run-logs", daemon=True)
                self._thread.start()
            self._condition.notify()

    def _loop(self) -> None:
        pause = threading.Event()
        while True:
            with self._condition:
                self._condition.wait_for(lambda: bool(self._dirty))
            pause.wait(FLUSH_S)
            with self._condition:
                writers, self._dirty = self._dirty, set()
            for writer in writers:
                try:
                    writer.flush()
                except Unavailable as error:
                    log.warning("lines of a log wait for the database: %s", error.message)
                    pause.wait(AGAIN_S)
                    self.watch(writer)
                except Exception:  # the logs of the other runs go on
                    log.exception("lines of a log are lost")


_flusher = _Flusher()
