"""Envelope encryption, pure: a data key (DEK) per secret seals the value, a key-encryption key (KEK) seals the data key.

Both seals are AES-256-GCM with a fresh 96-bit nonce in front of the ciphertext. The associated data names the secret, so a
row copied over another one does not open. Rotating the KEK seals the data keys again and never touches a value.
"""

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from towpath.kit.errors import Unavailable

KEY_BYTES = 32
_NONCE_BYTES = 12


@dataclass(frozen=True)
class Key:
    """A key-encryption key. `id` names it in rows and tells nothing about it."""

    material: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """16 hex digits derived from the key: how a row says which key sealed it."""
        return hashlib.sha256(b"towpath kek id" + self.material).hexdigest()[:16]

    def text(self) -> str:
        """The key as base64, as the key file holds it."""
        return base64.b64encode(self.material).decode()

    @staticmethod
    def new() -> "Key":
        """A random key."""
        return Key(os.urandom(KEY_BYTES))

    @staticmethod
    def parse(text: str) -> "Key":
        """Read a base64 key; raises Unavailable when it is not 32 bytes."""
        try:
            material = base64.b64decode(text.strip(), validate=True)
        except binascii.Error:
            material = b""
        if len(material) != KEY_BYTES:
            raise Unavailable(
                "the key for secrets is not 32 bytes of base64", hint="see docs: reference/settings, keys"
            )
        return Key(material)


@dataclass(frozen=True)
class Sealed:
    """What the database keeps of a secret: useless without the KEK named by `kek_id`."""

    kek_id: str
    wrapped_key: bytes
    ciphertext: bytes


def seal(value: str, keys: Sequence[Key], *names: str) -> Sealed:
    """Seal a value under a new data key and the first of `keys`; `names` bind it to its place."""
    data_key = os.urandom(KEY_BYTES)
    about = _about(names)
    return Sealed(keys[0].id, _encrypt(keys[0].material, data_key, about), _encrypt(data_key, value.encode(), about))


def unseal(sealed: Sealed, keys: Sequence[Key], *names: str) -> str:
    """The value; raises Unavailable when the key is not among `keys`, or when the row was altered or moved."""
    about = _about(names)
    return _decrypt(_data_key(sealed, keys, about), sealed.ciphertext, about).decode()


def reseal(sealed: Sealed, keys: Sequence[Key], *names: str) -> Sealed:
    """The same ciphertext with its data key sealed under the first of `keys`; the value itself is never opened."""
    about = _about(names)
    wrapped = _encrypt(keys[0].material, _data_key(sealed, keys, about), about)
    return Sealed(keys[0].id, wrapped, sealed.ciphertext)


def _data_key(sealed: Sealed, keys: Sequence[Key], about: bytes) -> bytes:
    for key in keys:
        if key.id == sealed.kek_id:
            return _decrypt(key.material, sealed.wrapped_key, about)
    raise Unavailable(
        f"secrets are sealed under key {sealed.kek_id}, which is not here (here: {', '.join(key.id for key in keys)})",
        hint="put the key file back (keys/kek in the data folder, or TOWPATH_KEK) from your backup",
    )


def _about(names: Sequence[str]) -> bytes:
    return json.dumps(names).encode()


def _encrypt(key: bytes, data: bytes, about: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, data, about)


def _decrypt(key: bytes, data: bytes, about: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], about)
    except (InvalidTag, ValueError) as error:
        raise Unavailable(
            "a stored secret was altered or moved", hint="put it again, and look for who wrote it"
        ) from error
