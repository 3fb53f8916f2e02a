"""What runs leave behind goes in time: workspaces after a day, the records of durable execution after a week."""

import os
import shutil
from datetime import timedelta
from pathlib import Path

from towpath.kit import clock, db, jobs, settings
from towpath.organisations import service as organisations
from towpath.runs import queries
from towpath.runs.model import ENDED

WORKSPACE_S = 86_400.0
RECORDS = timedelta(days=7)
GONE = ".gone"


def tidy() -> None:
    """Remove what is old enough; a run's own row, steps and log stay."""
    remove_workspaces(organisations.databases())
    jobs.forget(clock.now() - RECORDS)


def remove_workspaces(databases: list[db.DatabaseRef]) -> None:
    """Working folders of runs that did not succeed stay a day after their last step for a retry, then go."""
    for folder in settings.current().folder("runs").iterdir():
        if _old(folder) and not any(_aside(ref, folder) for ref in databases):
            shutil.rmtree(folder, ignore_errors=True)
    for left in settings.current().folder("runs").glob(f"*{GONE}"):
        shutil.rmtree(left, ignore_errors=True)


def _old(folder: Path) -> bool:
    try:
        return folder.is_dir() and clock.now().timestamp() - folder.stat().st_mtime > WORKSPACE_S
    except FileNotFoundError:  # its run ended meanwhile
        return False


def _aside(ref: db.DatabaseRef, folder: Path) -> bool:
    """Whether the folder's run is one of this database. Moves it aside once the run ended: a retry meets all of it or none."""
    with db.write(ref) as session:
        row = queries.get(session, folder.name, lock=True)
        if row is not None and row.status in ENDED and _old(folder):
            folder.rename(folder.with_name(folder.name + GONE))
        elif row is not None:
            os.utime(folder)
    return row is not None
