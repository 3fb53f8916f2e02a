"""A backup is the whole install at one moment, whole or refused, and an install again elsewhere."""

import errno
import json
import sqlite3
import tarfile
import threading
from contextlib import ExitStack, closing
from io import BytesIO
from pathlib import Path

import pytest
from alembic import command
from bench import postgres
from pydantic import SecretStr

from towpath import backup
from towpath.kit import control, db, migrate, snapshot
from towpath.kit import settings as kit_settings
from towpath.kit.actor import platform
from towpath.kit.errors import Conflict, Invalid, Unavailable
from towpath.kit.settings import Settings
from towpath.organisations import service as organisations
from towpath.secrets import service as secrets
from towpath.secrets.service import SecretRef


def done(made) -> list[str]:
    """Run a backup or a restore; returns what it said, its result last."""
    said: list[str] = []
    return [*said, control.finished(made, said.append)]


def stamp(ref: db.DatabaseRef) -> None:
    """Say of tables that were made at once that no migration is missing."""
    with db.engine(ref).execution_options(towpath_write=True).begin() as connection:
        config = migrate.configuration(migrate.tree_of(ref))
        config.attributes.update(connection=connection, schema=ref.schema)
        command.stamp(config, "head")


@pytest.fixture
def kept(organisation, tmp_path):
    """A backup of an install with a secret, a repository and an artifact; the secret's reference with it."""
    home = kit_settings.current()
    if not organisation.schema:
        stamp(organisations.control())
        stamp(organisation)
    with db.write(organisation) as session:
        ref = secrets.put(session, platform("northbank"), "password", "sesame", subject="component:default/orders")
    for name, text in (("repositories/r.git/refs/heads/main", "c0ffee"), ("artifacts/northbank/blob", "bytes")):
        home.folder(*Path(name).parts[:-1]).joinpath(Path(name).name).write_text(text)
    (home.folder("repositories", "r.git") / "HEAD.lock").write_text("a push in flight")
    done(backup.save(tmp_path / "kept.tar"))
    return tmp_path / "kept.tar", ref


@pytest.fixture
def elsewhere(tmp_path, settings, request, database_kind):
    """From now on this process works on another, empty data folder, and on PostgreSQL on another, empty database."""
    with ExitStack() as databases:

        def move() -> Path:
            db.dispose()
            changes: dict[str, object] = {"home": tmp_path / "elsewhere"}
            if database_kind == "postgres":
                server = request.getfixturevalue("postgres_server")
                changes["database_url"] = SecretStr(databases.enter_context(postgres.database(server)))
            kit_settings.use(Settings(**{**settings.model_dump(), **changes}))
            return kit_settings.current().data

        yield move
        db.dispose()
    kit_settings.use(settings)


def secret(ref: SecretRef) -> str:
    """What the kept secret says on the install of this moment."""
    with db.read(organisations.database("northbank")) as session:
        return secrets.resolve(session, ref).reveal()


def test_what_was_kept_is_there_again(kept, elsewhere):
    path, ref = kept
    home = elsewhere()
    done(backup.load(path))
    assert secret(ref) == "sesame"
    assert (home / "repositories/r.git/refs/heads/main").read_text() == "c0ffee"
    assert not (home / "repositories/r.git/HEAD.lock").exists()
    assert (home / "artifacts/northbank/blob").read_text() == "bytes"
    assert not list(home.glob(".restore*"))


@pytest.mark.databases("sqlite")
def test_a_backup_is_for_its_owner_alone_and_overwrites_nothing(kept):
    path, _ = kept
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Conflict, match="exists"):
        done(backup.save(path))


def test_a_restore_overwrites_no_install(kept):
    with pytest.raises(Conflict, match="there is an install already"):
        done(backup.load(kept[0]))


def test_a_restore_overwrites_no_file_even_where_the_database_is_empty(kept, elsewhere):
    home = elsewhere()
    ours = home / "repositories" / "ours.git" / "HEAD"
    ours.parent.mkdir(parents=True)
    ours.write_text("ref: refs/heads/main")
    with pytest.raises(Conflict, match="not empty: there is 'repositories'"):
        done(backup.load(kept[0]))
    assert ours.read_text() == "ref: refs/heads/main"


@pytest.mark.databases("sqlite")
def test_a_place_that_cannot_be_written_is_told(organisation, tmp_path, monkeypatch):
    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "kept.tar")

    monkeypatch.setattr(backup._Archive, "add", refused)
    with pytest.raises(Unavailable, match=r"could not be written.*Permission denied"):
        done(backup.save(tmp_path / "kept.tar"))


def cut(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def changed(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"c0ffee", b"c0ffef"))


def planted(path: Path) -> None:
    with tarfile.open(path, "a") as tar:
        info = tarfile.TarInfo("../escaped")
        info.size = 4
        tar.addfile(info, BytesIO(b"evil"))


def added(path: Path) -> None:
    with tarfile.open(path, "a") as tar:
        info = tarfile.TarInfo("keys/kek2")
        tar.addfile(info, BytesIO())


def newer(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format": 9'))


def no_tar(path: Path) -> None:
    path.write_text("a letter")


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (cut, "damaged|cut off"),
        (changed, "damaged at 'repositories/r.git/refs/heads/main'"),
        (planted, r"holds '\.\./escaped'"),
        (added, "damaged at 'keys/kek2'"),
        (newer, "which is newer"),
        (no_tar, "not a backup"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_harmed_backup_is_refused_and_nothing_is_put_in_place(kept, elsewhere, harm, words):
    path, _ = kept
    harm(path)
    home = elsewhere()
    with pytest.raises(Invalid, match=words):
        done(backup.load(path))
    assert [one.name for one in home.rglob("*") if one.is_file()] == []
    assert not (home.parent / "escaped").exists()


def test_a_restore_that_was_cut_off_is_no_install_until_it_is_repeated(kept, elsewhere, monkeypatch):
    path, ref = kept
    home = elsewhere()

    def cut_off(name: str) -> None:
        raise RuntimeError(name)

    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr(backup, "_bring_back", cut_off)
        done(backup.load(path))
    with pytest.raises(Conflict, match=r"the restore of 'kept\.tar' was cut off"):
        backup.refuse_half()
    done(backup.load(path))
    backup.refuse_half()
    assert secret(ref) == "sesame"
    assert not list(home.glob(".restore*"))


@pytest.mark.databases("sqlite")
def test_a_full_disk_leaves_no_half_backup(organisation, tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(backup._Archive, "add", full)
    with pytest.raises(Unavailable, match="the disk is full"):
        done(backup.save(tmp_path / "kept.tar"))
    assert list(tmp_path.glob("*.tar*")) + list(tmp_path.glob(".*.part")) == []
    assert not (kit_settings.current().data / ".backup").exists()


@pytest.mark.databases("sqlite")
def test_all_databases_are_of_one_moment_while_others_write(organisation, tmp_path):
    """Two databases get the same number, one after the other: a snapshot in between would see the first one ahead."""
    folder = Path(organisation.url.removeprefix("sqlite:///")).parent
    names, stop = [folder / "runs.db", folder / "zero.db"], threading.Event()
    for name in names:
        with closing(sqlite3.connect(name, isolation_level=None)) as made:
            made.execute("pragma journal_mode=wal")
            made.execute("create table n (n integer)")

    def write() -> None:
        first, second = (sqlite3.connect(name, timeout=30, isolation_level=None) for name in names)
        with closing(first), closing(second):
            number = 0
            while not stop.is_set():
                number += 1
                for one in (first, second):
                    one.execute("insert into n values (?)", (number,))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for turn in range(20):
            target = tmp_path / str(turn)
            target.mkdir()
            snapshot.save(organisations.control(), target)
            seen = [sqlite3.connect(target / name.name) for name in names]
            ahead, behind = (one.execute("select coalesce(max(n), 0) from n").fetchone()[0] for one in seen)
            for one in seen:
                one.close()
            assert ahead - behind in {0, 1}
    finally:
        stop.set()
        writer.join()


@pytest.mark.databases("sqlite")
def test_the_head_says_what_it_is(kept):
    with tarfile.open(kept[0]) as tar:
        head = json.load(tar.extractfile("backup.json"))
    assert (head["format"], head["organisations"], head["database"]) == (1, ["northbank"], "sqlite")
