"""Time, always UTC and aware."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment in UTC; the only clock the platform reads for records."""
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """RFC 3339 with milliseconds and `Z`, as events and APIs carry it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
