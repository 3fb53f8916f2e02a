"""Keeping, using and removing secrets. Values leave only through `resolve`, in the step that applies them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from towpath.audit.service import audited, note
from towpath.kit import clock, ids
from towpath.kit.actor import Actor
from towpath.kit.db import Session
from towpath.kit.errors import Forbidden, NotFound
from towpath.sdk import plugins
from towpath.secrets import keyring, queries
from towpath.secrets.crypto import Key, Sealed, reseal, seal, unseal
from towpath.secrets.model import SecretRow
from towpath.secrets.spec import Secret, SecretRef

__all__ = [
    "Secret", "SecretRef", "SecretView", "find", "forget", "listed", "put", "remove", "remove_of", "reseal_all", "resolve",
    "write",
]  # fmt: skip


@dataclass(frozen=True)
class SecretView:
    """What may be shown of a secret: everything but its value."""

    id: str
    name: str
    subject: str
    version: int
    created_by: str
    updated_at: datetime

    @property
    def ref(self) -> SecretRef:
        """The reference that stands for it."""
        return SecretRef(self.id)


@audited("secrets.write")
def put(session: Session, actor: Actor, name: str, value: str | Secret, *, subject: str) -> SecretRef:
    """Keep a value under a name of a subject; a second put replaces the value and keeps the reference."""
    note(session, subject=subject, name=name)
    text = value.reveal() if isinstance(value, Secret) else value
    row = queries.named(session, subject, name)
    now = clock.now()
    if row is None:
        row_id = ids.uuid7()
        sealed = seal(text, keyring.keys(), row_id, name, subject)
        queries.add(session, SecretRow(
            id=row_id, subject=subject, name=name, kek_id=sealed.kek_id, wrapped_key=sealed.wrapped_key,
            ciphertext=sealed.ciphertext, version=1, created_by=actor.ref, created_at=now, updated_at=now,
        ))  # fmt: skip
        return SecretRef(row_id)
    keys = keyring.keys()
    if _same(row, keys, text):
        return SecretRef(row.id)
    _write(row, seal(text, keys, *_bound(row)))
    row.version, row.updated_at = row.version + 1, now
    return SecretRef(row.id)


@audited("secrets.write")
def write(session: Session, actor: Actor, name: str, value: str, *, subject: str) -> SecretRef:
    """`put` by a person; raises Forbidden for who does not own the subject."""
    note(session, subject=subject, name=name)
    _require_owner(session, actor, subject)
    return put(session, actor, name, value, subject=subject)


def _require_owner(session: Session, actor: Actor, subject: str) -> None:
    whose = re.split("[@#]", subject, maxsplit=1)[0]
    owner = plugins.call().owner_of(session=session, subject=whose)
    if not actor.owns(owner):
        raise Forbidden(
            f"the secrets of '{whose}' belong to {owner or 'the platform'}",
            hint="ask its owner, or a platform engineer",
        )


def _same(row: SecretRow, keys: list[Key], text: str) -> bool:
    """Whether the row holds this value under the newest key already: a repeated step must not raise the version."""
    held = row.kek_id == keys[0].id and unseal(_sealed(row), keys, *_bound(row))
    return Secret(held) == Secret(text) if isinstance(held, str) else False


def resolve(session: Session, ref: SecretRef) -> Secret:
    """The value behind a reference; raises NotFound, or Unavailable without the right key."""
    row = queries.get(session, ref.id)
    if row is None:
        raise NotFound(f"secret {ref.id} is gone", hint="put it again, or apply the resource that makes it")
    return Secret(unseal(_sealed(row), keyring.keys(), *_bound(row)))


def listed(session: Session, subject: str) -> list[SecretView]:
    """Secrets of a subject and of everything narrower (`subject@…`, `subject#…`), by name; never values."""
    return [_view(row) for row in queries.under(session, subject)]


def find(session: Session, subject: str, name: str) -> SecretRef | None:
    """The reference of a named secret of exactly this subject."""
    return next((one.ref for one in listed(session, subject) if (one.subject, one.name) == (subject, name)), None)


@audited("secrets.write")
def remove(session: Session, actor: Actor, subject: str, name: str) -> None:
    """Remove one secret; raises NotFound, and Forbidden for who does not own the subject."""
    note(session, subject=subject, name=name)
    _require_owner(session, actor, subject)
    ref = find(session, subject, name)
    if ref is None:
        raise NotFound(f"'{subject}' has no secret '{name}'")
    queries.remove(session, [ref.id])


@audited("secrets.write")
def remove_of(session: Session, actor: Actor, subject: str) -> int:
    """Remove all secrets of a subject and of everything narrower; a repeat removes none. Returns how many went."""
    del actor
    gone = queries.remove(session, [row.id for row in queries.under(session, subject)])
    note(session, subject=subject, removed=gone)
    return gone


@audited("secrets.write")
def forget(session: Session, actor: Actor, refs: Sequence[SecretRef]) -> int:
    """Remove secrets by reference; a repeat removes none. Returns how many went."""
    del actor
    gone = queries.remove(session, [ref.id for ref in refs])
    note(session, subject="secrets", removed=gone)
    return gone


@audited("secrets.rotate")
def reseal_all(session: Session, actor: Actor, batch: int = 500) -> int:
    """Seal data keys of this organisation under the newest key, at most `batch`; returns how many, 0 when done."""
    del actor
    keys = keyring.keys()
    rows = queries.sealed_under_other(session, keys[0].id, batch)
    for row in rows:
        _write(row, reseal(_sealed(row), keys, *_bound(row)))
    note(session, subject="secrets", resealed=len(rows), key=keys[0].id)
    return len(rows)


def _bound(row: SecretRow) -> tuple[str, str, str]:
    """What a seal is bound to: a value copied to another row, name or subject does not open."""
    return row.id, row.name, row.subject


def _sealed(row: SecretRow) -> Sealed:
    return Sealed(row.kek_id, row.wrapped_key, row.ciphertext)


def _write(row: SecretRow, sealed: Sealed) -> None:
    row.kek_id, row.wrapped_key, row.ciphertext = sealed.kek_id, sealed.wrapped_key, sealed.ciphertext


def _view(row: SecretRow) -> SecretView:
    return SecretView(row.id, row.name, row.subject, row.version, row.created_by, row.updated_at)
