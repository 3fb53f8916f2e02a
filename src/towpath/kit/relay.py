"""Wake-ups between the processes of an install on PostgreSQL: NOTIFY takes them out, one thread LISTENs for the others'.

A wake-up may be lost while the server is away; whoever waits looks again by itself after a while.
"""

import contextlib
import logging
import queue
import threading

import psycopg

from towpath.kit import ids, live

log = logging.getLogger(__name__)
CHANNEL = "towpath_live"
PAUSE_S = 1.0


class Relay:
    """The relay of one process over the server at `url` (SQLAlchemy's or libpq's form)."""

    def __init__(self, url: str) -> None:
        self._url = url.replace("+psycopg", "", 1)
        self._me = ids.uuid7()
        self._topics: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._ready = threading.Event()
        jobs = {"live-tell": self._telling, "live-listen": self._listening}
        self._threads = [threading.Thread(target=job, name=name, daemon=True) for name, job in jobs.items()]

    def start(self, wait_s: float = 5.0) -> None:
        """Begin to take and bring wake-ups; returns when it listens, or after `wait_s` when the server does not answer."""
        for thread in self._threads:
            thread.start()
        self._ready.wait(wait_s)
        live.relay_with(self._topics.put)

    def stop(self) -> None:
        """End both threads after what is waiting was told."""
        live.relay_with(None)
        self._stop.set()
        self._topics.put(None)
        for thread in self._threads:
            thread.join(3)

    def _telling(self) -> None:
        """Tell what was woken, many topics of one moment at once; end after the last one when stopping."""
        connection: psycopg.Connection | None = None
        while True:
            topics = {self._topics.get()}
            with contextlib.suppress(queue.Empty):
                while True:
                    topics.add(self._topics.get_nowait())
            try:
                connection = connection or self._connect()
                connection.execute(
                    "select pg_notify(%s, %s || topic) from unnest(%s::text[]) topic",
                    (CHANNEL, f"{self._me} ", sorted(topic or "" for topic in topics)),
                )
            except psycopg.Error as error:
                log.warning("wake-ups do not reach other processes: %s", error)
                if connection:
                    connection.close()
                connection = None
                self._stop.wait(PAUSE_S)
            if None in topics:
                break
        if connection:
            connection.close()

    def _listening(self) -> None:
        while not self._stop.is_set():
            try:
                with self._connect() as connection:
                    connection.execute(f"listen {CHANNEL}")
                    self._ready.set()
                    self._hear(connection)
            except (psycopg.Error, OSError) as error:
                log.warning("wake-ups of other processes are not heard: %s", error)
                self._stop.wait(PAUSE_S)

    def _hear(self, connection: psycopg.Connection) -> None:
        """Hand on what others say until this process stops; its own last word ends the wait."""
        while not self._stop.is_set():
            for one in connection.notifies(timeout=30, stop_after=1):
                sender, _, topic = one.payload.partition(" ")
                if sender != self._me:
                    live.heard(topic)

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self._url, autocommit=True, connect_timeout=5, keepalives_idle=30)
