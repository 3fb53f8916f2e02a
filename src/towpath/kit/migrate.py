"""Brings a database to the version of this code: Alembic over the control database and every organisation's."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import JSON, inspect, text
from sqlalchemy.schema import CreateSchema

from towpath.kit import db

TREES = {"control": db.ControlBase.metadata, "organisation": db.Base.metadata}
FOLDER = Path(__file__).parent.parent / "migrations"


def upgrade(ref: db.DatabaseRef) -> None:
    """Apply what is missing, in one transaction; returns at once when nothing is."""
    tree = tree_of(ref)
    options = {"schema_translate_map": {None: ref.schema}} if ref.schema else {}
    with db.engine(ref).execution_options(towpath_write=True, **options).begin() as connection:
        if ref.schema:
            # Replicas that start together take turns: the later one finds everything made.
            connection.execute(text("select pg_advisory_xact_lock(hashtext(:schema))"), {"schema": ref.schema})
            connection.execute(text("set local lock_timeout = '5s'"))
            connection.execute(CreateSchema(ref.schema, if_not_exists=True))
        if _version(connection, ref) != head(tree):
            config = configuration(tree)
            config.attributes.update(connection=connection, schema=ref.schema)
            command.upgrade(config, "head")


def enter(connection: db.Connection, schema: str | None) -> None:
    """Let this transaction alone find tables by bare names: Alembic's ALTERs know no `schema_translate_map`."""
    if schema:
        connection.execute(text(f'set local search_path to "{schema}"'))


def tree_of(ref: db.DatabaseRef) -> str:
    """Which tree of migrations a database follows."""
    return "control" if ref.name == "control" else "organisation"


def head(tree: str) -> str:
    """The newest revision of a tree: files are named `NNNN_words.py` and their revision is `NNNN`."""
    return max(path.name.split("_")[0] for path in (FOLDER / tree / "versions").glob("[0-9]*.py"))


def configuration(tree: str) -> Config:
    """Alembic's configuration of one tree, without a file."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER / tree))
    config.set_main_option("path_separator", "os")
    return config


def render_item(kind: str, item: Any, context: Any) -> str | bool:
    """How a migration spells our own column types; False leaves all else to Alembic."""
    del context
    if kind == "type" and isinstance(item, db.Utc):
        return "db.Utc()"
    return "db.Json" if kind == "type" and isinstance(item, JSON) else False


def _version(connection: db.Connection, ref: db.DatabaseRef) -> str | None:
    if not inspect(connection).has_table("alembic_version", schema=ref.schema):
        return None
    table = f'"{ref.schema}".alembic_version' if ref.schema else "alembic_version"
    found: str | None = connection.execute(text(f"select version_num from {table}")).scalar()  # noqa: S608 (our own name)
    return found
