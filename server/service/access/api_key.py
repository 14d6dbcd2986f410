"""An API key: its text, which only its holder has, and its record, which the catalog keeps.

A key is ``vicinal_<id>_<secret>``: 12 hexadecimal digits that name it and 256 random bits that prove it. The
record has the SHA-256 of the secret. A slow hash would add nothing: nobody guesses 256 random bits.
"""

from __future__ import annotations

import datetime
import hashlib
import re
import secrets
from collections.abc import Iterable
from typing import Any, Self

import msgspec

from ....engine.errors import Corruption, InvalidArgument
from ....engine.schema.names import checked_name
from .principal import Principal, Right

SECRET_BYTES = 32
_MAX_TENANT_BYTES = 255
_ID = re.compile(r"[0-9a-f]{12}", re.ASCII)
_TEXT = re.compile(r"vicinal_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)
_RIGHTS = {right.word: right for right in Right}


class ApiKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The record of one key. A member this release does not know makes it invalid: it may be a restriction.

    Attributes
    ----------
    name : str
        For people; not unique.
    sha256 : str
        Hexadecimal digest of the secret.
    tenants, collections : tuple of str or None
        What the key is bound to, sorted; None when it is not bound.
    rights : str
        ``read``, ``write`` or ``admin``; each includes those before it.
    created : datetime
    expires : datetime or None
        From then on the key is not valid.
    revoked : datetime or None
        When it was revoked. The record stays, so that a database that ever had a key never is open again.
    """

    name: str
    sha256: str
    tenants: tuple[str, ...] | None
    collections: tuple[str, ...] | None
    rights: str
    created: datetime.datetime
    expires: datetime.datetime | None = None
    revoked: datetime.datetime | None = None

    @classmethod
    def from_record(cls, identifier: str, record: dict[str, Any]) -> Self:
        """Return the key of a catalog's record; Corruption when it is not one."""
        try:
            key = msgspec.convert(record, cls)
        except msgspec.ValidationError as error:
            raise Corruption(f"{_unreadable(identifier)}: {error}") from error
        if key.rights not in _RIGHTS or not _zoned(key.created, key.expires, key.revoked):
            raise Corruption(f"{_unreadable(identifier)}: its rights or times are none")
        return key

    def to_record(self) -> dict[str, Any]:
        """Return what the catalog keeps."""
        record: dict[str, Any] = msgspec.to_builtins(self)
        return record

    def state(self, now: datetime.datetime) -> str:
        """Return ``valid``, ``expired`` or ``revoked``."""
        if self.revoked is not None:
            return "revoked"
        return "valid" if self.expires is None or now < self.expires else "expired"

    def principal(self, identifier: str) -> Principal:
        """Return whom the key stands for while it is valid."""
        return Principal(
            identifier,
            self.name,
            None if self.tenants is None else frozenset(self.tenants),
            None if self.collections is None else frozenset(self.collections),
            _RIGHTS[self.rights],
        )


def new_key(
    name: str,
    rights: str,
    *,
    tenants: tuple[str, ...] = (),
    collections: tuple[str, ...] = (),
    created: datetime.datetime,
    expires: datetime.datetime | None = None,
) -> tuple[str, str, ApiKey]:
    """Return the id, the text and the record of a new key; the text is nowhere else.

    Raises
    ------
    InvalidArgument
        For a name, a right, a tenant, a collection or a time of expiry that cannot be.
    """
    if rights not in _RIGHTS:
        raise InvalidArgument(f"rights is {rights!r}; expected read, write or admin", field="rights")
    if expires is not None and expires <= created:
        raise InvalidArgument(
            f"the key would expire at {expires.isoformat()}, which has passed", field="expires"
        )
    identifier, secret = secrets.token_hex(6), secrets.token_urlsafe(SECRET_BYTES)
    record = ApiKey(
        name=checked_name(name, "a key"),
        sha256=digest_of(secret),
        tenants=tuple(sorted({_checked_tenant(one) for one in tenants})) or None,
        collections=tuple(sorted({checked_name(one, "a collection") for one in collections})) or None,
        rights=rights,
        created=created,
        expires=expires,
    )
    return identifier, f"vicinal_{identifier}_{secret}", record


def parse_key(text: str) -> tuple[str, str] | None:
    """Return the id and the secret of a key's text, None for a text that is none."""
    found = _TEXT.fullmatch(text)
    return None if found is None else (found[1], found[2])


def is_key_id(text: str) -> bool:
    """Return whether a text has the form of a key's id."""
    return _ID.fullmatch(text) is not None


def digest_of(secret: str) -> str:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _unreadable(identifier: str) -> str:
    return (
        f"API key {identifier} lets nobody in, because this release cannot read its record; use the release "
        "that wrote it, or bring the folder back from a copy"
    )


def _checked_tenant(tenant: str) -> str:
    try:
        fits = 0 < len(tenant.encode()) <= _MAX_TENANT_BYTES
    except UnicodeEncodeError:
        fits = False
    if not fits:
        raise InvalidArgument(
            f"a tenant is {tenant!r}; expected a text of 1 to {_MAX_TENANT_BYTES} bytes of UTF-8",
            field="tenant",
        )
    return tenant


def _zoned(*times: datetime.datetime | None) -> bool:
    return all(time is None or time.tzinfo is not None for time in times)


def key_of(metadata: Iterable[tuple[str, str | bytes]]) -> str:
    """Return the key that comes with a call, as a bearer token or as ``x-api-key``; empty when none does.

    Two different ones are as good as none: which of them somebody on the way checked is not known.
    """
    found = ""
    for name, value in metadata:
        if name == "authorization":
            scheme, _, key = str(value).partition(" ")
            if scheme.lower() != "bearer":
                continue
        elif name == "x-api-key":
            key = str(value)
        else:
            continue
        if found and key != found:
            return ""
        found = key
    return found
