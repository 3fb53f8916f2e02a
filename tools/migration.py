"""Writes a migration from what the models say now: `python -m tools.migration organisation "add a column"`."""

import re
import sys
import tempfile
from pathlib import Path

from alembic import command

from towpath.kit import db, migrate, settings


def main(tree: str, words: str) -> None:
    """Bring an empty SQLite to the newest revision, compare, and write what is missing."""
    with tempfile.TemporaryDirectory() as folder:
        settings.use(settings.Settings(home=Path(folder)))
        ref = db.DatabaseRef("control" if tree == "control" else "x", f"sqlite:///{folder}/x.db")
        versions = sorted((migrate.FOLDER / tree / "versions").glob("[0-9]*.py"))
        if versions:
            migrate.upgrade(ref)
        with db.engine(ref).execution_options(towpath_write=True).begin() as connection:
            config = migrate.configuration(tree)
            config.attributes.update(connection=connection, schema=None)
            number = f"{len(versions) + 1:04d}"
            slug = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
            config.set_main_option("file_template", f"{number}_{slug}")
            command.revision(config, words.capitalize(), autogenerate=True, rev_id=number)


if __name__ == "__main__":
    main(*sys.argv[1:3])
