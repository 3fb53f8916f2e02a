"""Use cases of artifacts: publish a bundle, hand it out for a release, remove what nobody names."""

import json
import zipfile
import zlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from towpath.artifacts import layers, provenance, queries, requirements, sbom, store
from towpath.artifacts.model import Bundle
from towpath.audit.service import audited, note
from towpath.kit import clock, db, events, settings
from towpath.kit.actor import Actor
from towpath.kit.errors import Invalid, NotFound

MEDIA = "application/vnd.towpath"


@dataclass(frozen=True)
class BundleView:
    """A bundle with the local paths of its parts, ready to deploy; `start` is the argument list, `health` live and ready."""

    digest: str
    repository: str
    commit: str
    name: str
    version: str
    wheel: Path
    layer: Path
    requirements: Path
    start: tuple[str, ...]
    health: dict[str, str]
    sbom: str
    created_at: datetime
    size_bytes: int


@dataclass(frozen=True)
class Packed:
    """A stored bundle that is not recorded yet: the result of the slow part, plain data."""

    digest: str
    name: str
    version: str
    layer: str
    size_bytes: int
    manifest: dict[str, Any]


def pack(
    organisation: str,
    source: Path,
    *,
    repository: str,
    repository_url: str,
    commit: str,
    run_id: str,
    started: datetime,
) -> Packed:
    """Store the parts of a built bundle: `source` holds one wheel, requirements.lock and bundle.json. Opens no session.

    Raises Invalid that names what is missing.
    """
    wheels = sorted(source.glob("*.whl"))
    missing = [name for name in ("requirements.lock", "bundle.json") if not (source / name).is_file()]
    if len(wheels) != 1 or missing:
        found = ", ".join(sorted(path.name for path in source.iterdir())) or "nothing"
        raise Invalid(
            f"a bundle is one wheel, requirements.lock and bundle.json; found {found}",
            hint="see the upload step of the workflow",
        )
    lock = (source / "requirements.lock").read_text()
    config = _config(source / "bundle.json")
    wheel, wheel_size = store.put_file(organisation, wheels[0])
    name, version = _identity(wheels[0])
    pins = requirements.read(lock)
    bill = sbom.make(name, version, wheel.removeprefix("sha256:"), pins)
    vouch = provenance.make(
        name=wheels[0].name, wheel=wheel, repository=repository_url, commit=commit, run_id=run_id,
        builder=settings.current().url, started=started,
    )  # fmt: skip
    parts = [_part("wheel", wheel, wheel_size, wheels[0].name)]
    for kind, title, data in (
        ("requirements", "requirements.lock", lock.encode()), ("sbom", "sbom.cdx.json", bill),
        ("provenance", "provenance.intoto.json", vouch),
    ):  # fmt: skip
        digest, size = store.put(organisation, [data])
        parts.append(_part(kind, digest, size, title))
    config_digest, config_size = store.put(organisation, [orjson.dumps(config, option=orjson.OPT_SORT_KEYS)])
    manifest = {
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "artifactType": f"{MEDIA}.bundle.v1",
        "config": {"mediaType": f"{MEDIA}.config.v1+json", "digest": config_digest, "size": config_size},
        "layers": parts,
        "annotations": {"org.opencontainers.image.revision": commit, "dev.towpath.repository": repository},
    }  # fmt: skip
    digest, _ = store.put(organisation, [orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS)])
    total = sum(part["size"] for part in parts)
    return Packed(digest, name, version, layers.key(lock), total, manifest)


def _part(kind: str, digest: str, size: int, title: str) -> dict[str, Any]:
    names = {"org.opencontainers.image.title": title}
    return {"mediaType": f"{MEDIA}.{kind}.v1", "digest": digest, "size": size, "annotations": names}


def _config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_bytes())
        start, health = config["start"], config.get("health", {})
        good = (
            isinstance(start, list)
            and start
            and all(isinstance(one, str) for one in start)
            and isinstance(health, dict)
        )
    except (ValueError, KeyError, TypeError):
        good = False
    if not good:
        raise Invalid(
            "bundle.json needs 'start', a list of words", hint='for example {"start": ["python", "-m", "orders"]}'
        )
    return {"start": start, "health": {"live": health.get("live", "/healthz"), "ready": health.get("ready", "/readyz")}}


def _identity(wheel: Path) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            broken = archive.testzip()
        name, version, _, _ = parse_wheel_filename(wheel.name)
    except (zipfile.BadZipFile, zlib.error, InvalidWheelFilename) as error:
        raise Invalid(f"{wheel.name} is not a wheel: {error}", hint="upload what 'uv build' made") from error
    if broken:
        raise Invalid(f"{wheel.name} is damaged: {broken} in it cannot be read", hint="build and upload it again")
    return name, str(version)


@audited("artifacts.publish")
def publish(
    session: db.Session, actor: Actor, packed: Packed, *, repository: str, commit: str, branch: str, run_id: str,
    root_id: str | None = None,
) -> str:  # fmt: skip
    """Record a packed bundle and tell everybody; the same bundle again tells nobody. Returns its digest."""
    note(session, subject=f"repository:{repository}", digest=packed.digest)
    if queries.get(session, packed.digest) is None:
        session.add(
            Bundle(
                digest=packed.digest, repository_uid=repository, commit=commit, branch=branch, run_id=run_id,
                name=packed.name, version=packed.version, layer=packed.layer, size_bytes=packed.size_bytes,
                manifest=packed.manifest, created_at=clock.now(),
            )
        )  # fmt: skip
        session.flush()
        data = {"digest": packed.digest, "repository": repository, "commit": commit, "branch": branch, "run_id": run_id}
        events.emit(session, "artifact.published", f"repository:{repository}", data, actor=actor.ref, root_id=root_id)
    return packed.digest


def release(session: db.Session, digest: str) -> BundleView:
    """A bundle with the local paths of its parts; `at_hand` sees to its layer. Raises NotFound."""
    row = queries.get(session, digest)
    if row is None:
        raise NotFound(f"there is no bundle '{digest}'")
    return view(db.database(session).name, row)


def at_hand(bundle: BundleView) -> None:
    """Have a bundle's layer unpacked where its path says; takes a moment when it is not. Raises Unavailable when it is lost."""
    db.refuse_transaction()
    layers.restore(bundle.layer.name)


def view(organisation: str, row: Bundle) -> BundleView:
    """The view of a bundle's row."""
    part = {one["mediaType"].split(".")[-2]: one for one in row.manifest["layers"]}
    config = orjson.loads(store.get(organisation, row.manifest["config"]["digest"]).read_bytes())
    return BundleView(
        digest=row.digest, repository=row.repository_uid, commit=row.commit, name=row.name, version=row.version,
        wheel=_named(organisation, part["wheel"]), layer=layers.folder(row.layer),
        requirements=store.get(organisation, part["requirements"]["digest"]), start=tuple(config["start"]),
        health=config["health"], sbom=part["sbom"]["digest"], created_at=row.created_at, size_bytes=row.size_bytes,
    )  # fmt: skip


def _named(organisation: str, part: dict[str, Any]) -> Path:
    """The wheel under its own name: installers read name and version from it. A link of the platform's own files."""
    blob = store.get(organisation, part["digest"])
    named: Path = blob.parent / f"{blob.name}.d" / part["annotations"]["org.opencontainers.image.title"]
    if not named.exists():
        named.parent.mkdir(exist_ok=True, mode=0o700)
        named.symlink_to(blob)
    return named


def bundles(session: db.Session, repository: str, limit: int = 50) -> list[Bundle]:
    """Bundles of a repository, newest first."""
    return queries.of_repository(session, repository, limit)


def newest(session: db.Session, limit: int = 50) -> list[Bundle]:
    """Bundles of all repositories, newest first."""
    return queries.newest(session, limit)


def layers_named(session: db.Session) -> list[str]:
    """The dependency layers that bundles of this organisation start with."""
    return queries.layers(session)


def blob(session: db.Session, digest: str) -> Path:
    """Any stored part of this organisation by digest; raises NotFound."""
    return store.get(db.database(session).name, digest)


@audited("artifacts.delete")
def remove_of(session: db.Session, actor: Actor, repository: str) -> None:
    """Forget a repository's bundles, after `remove_blobs` removed their `parts_of` it; a repeat is fine."""
    note(session, subject=f"repository:{repository}")
    for row in queries.of_repository(session, repository, 10_000):
        queries.remove(session, row)


def parts_of(session: db.Session, repository: str) -> list[str]:
    """The digests of a repository's stored parts that no other repository's bundle names."""
    kept = {digest for row in queries.manifests(session, without=repository) for digest in _digests(row)}
    mine = {digest for row in queries.of_repository(session, repository, 10_000) for digest in _digests(row)}
    return sorted(mine - kept)


def _digests(row: Bundle) -> set[str]:
    return {row.digest, row.manifest["config"]["digest"], *(part["digest"] for part in row.manifest["layers"])}


def remove_blobs(organisation: str, digests: list[str]) -> None:
    """Remove stored parts from disk; a repeat is fine."""
    for digest in digests:
        store.remove(organisation, digest)
