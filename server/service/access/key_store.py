"""The API keys of a database folder: created, listed and revoked by any process, looked up by a server.

Keys are records of the catalog that nothing else touches, so they can be changed while a server writes:
of the writes of all processes, LMDB lets one at a time go on. A look-up sees every change that was
committed before it. A text that is no valid key takes about as long whatever is wrong with it: one record is
looked for, one digest compared.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from ....engine.error_translation import translated
from ....engine.errors import NotFound
from ....storage.catalog import keys
from ....storage.catalog.keys import KeyKind
from ....storage.folder.directory_lock import check_no_unseen_reader
from ....storage.opening.database_folder import check_is_ours, open_catalog
from .api_key import ApiKey, digest_of, is_key_id, new_key, parse_key
from .forward_clock import ForwardClock
from .principal import ANONYMOUS, Principal

_SEALING = b"vicinal.sealed"
# What a text without the form of a key is looked up as, so that it takes as long as one that has it. It
# is the id of no key, because its letters are no hexadecimal digits.
_NO_KEY = ("no such key!", "")
_NO_DIGEST = digest_of("")


class _Known:
    """A key that was found valid at a version of the catalog."""

    __slots__ = ("expires", "principal", "version")

    def __init__(self, version: int, key: ApiKey, principal: Principal) -> None:
        self.version = version
        self.expires = key.expires
        self.principal = principal


class KeyStore:
    """The keys of one database folder. Safe to use from any number of threads; a context manager.

    Parameters
    ----------
    folder : path
        A database that exists.
    read_only : bool
        For looking up only, as a server does.
    clock : callable, optional
        Tells the time of day, for expiry; one that never goes back when it is left out.

    Raises
    ------
    NotFound
        There is no database in the folder.
    NotADatabase
        The folder holds something else.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        read_only: bool = False,
        clock: Callable[[], datetime.datetime] | None = None,
    ) -> None:
        with translated():
            if not check_is_ours(folder):
                raise NotFound(
                    f"there is no database at {folder}: `vicinal serve` creates one, and so does "
                    "`vicinal key create --new`",
                    field="path",
                )
            if not read_only:
                check_no_unseen_reader(folder)
            self._catalog = open_catalog(folder, engine="", read_only=read_only, create=False)
        self._clock = clock or ForwardClock()
        # By the digest of the whole text, so that how long it takes to find one tells nothing of a key. Valid
        # keys only, so it has no more entries than the database has keys.
        self._known: dict[bytes, _Known] = {}
        self._any_exist = False
        self._none_at = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def create(
        self,
        name: str,
        rights: str,
        *,
        tenants: tuple[str, ...] = (),
        collections: tuple[str, ...] = (),
        expires: datetime.datetime | None = None,
    ) -> tuple[str, str]:
        """Create a key; return its id and its text, which cannot be had again.

        Parameters
        ----------
        name : str
            For people: 1 to 64 letters, digits, dots, dashes or underscores.
        rights : str
            ``read``, ``write`` or ``admin``.
        tenants, collections : tuple of str
            What the key is bound to; it is not bound where this is empty.
        expires : datetime, optional
            When it stops being valid.

        Raises
        ------
        InvalidArgument
            One of them cannot be.
        """
        with translated(), self._catalog.write() as txn:
            while True:
                identifier, text, key = new_key(
                    name,
                    rights,
                    tenants=tenants,
                    collections=collections,
                    created=self._clock(),
                    expires=expires,
                )
                if txn.get(keys.api_key(identifier)) is None:
                    break
            self._catalog.put_api_key(txn, identifier, key.to_record())
        return identifier, text

    def list(self) -> dict[str, ApiKey]:
        """Return every key by its id, those included that are no longer valid; oldest first."""
        with translated(), self._catalog.read() as txn:
            records = self._catalog.api_keys(txn)
        found = {identifier: ApiKey.from_record(identifier, record) for identifier, record in records.items()}
        return dict(sorted(found.items(), key=lambda pair: (pair[1].created, pair[0])))

    def revoke(self, identifier: str) -> ApiKey:
        """Make a key invalid from the next call on; return it. Revoking again changes nothing.

        Raises
        ------
        NotFound
            There is no key of that id.
        """
        with translated(), self._catalog.write() as txn:
            record = self._catalog.api_key(txn, identifier) if is_key_id(identifier) else None
            if record is None:
                raise NotFound(f"no key has the id {identifier!r}; `vicinal key list` shows them", field="id")
            key = ApiKey.from_record(identifier, record)
            if key.revoked is None:
                key = msgspec.structs.replace(key, revoked=self._clock())
                self._catalog.put_api_key(txn, identifier, key.to_record())
        return key

    def any_exist(self) -> bool:
        """Return whether the database ever had a key; from then on nobody is let in without one."""
        if self._any_exist:
            return True
        with translated():
            # Before the read, so that what is read is at least as new.
            version = self._catalog.version()
            if version == self._none_at:
                return False
            with self._catalog.read() as txn:
                found = next(txn.scan(*keys.every(KeyKind.API_KEY)), None) is not None
        if found:
            self._any_exist = True
        else:
            self._none_at = version
        return found

    def lookup(self, text: str) -> Principal | None:
        """Return whom a key stands for, None when it is not a valid key."""
        whole = hashlib.sha256(text.encode(errors="surrogatepass")).digest()
        with translated():
            version = self._catalog.version()
            known = self._known.get(whole)
            if (
                known is not None
                and known.version == version
                and (known.expires is None or self._clock() < known.expires)
            ):
                return known.principal
            return self._read(text, whole, version)

    def principal_of(self, text: str) -> Principal | None:
        """Return whom a caller with this key is, None for one who is not let in.

        Everyone is, anonymously and with every right, as long as no key was ever created.
        """
        return self.lookup(text) if self.any_exist() else ANONYMOUS

    def sealing_secret(self) -> bytes:
        """Return 32 bytes that are the same for as long as the database lives, and known to it alone."""
        with translated(), self._catalog.read() as txn:
            meta = self._catalog.read_meta(txn)
        # Its uuid is random, and goes out to nobody who cannot read the folder.
        uuid = "" if meta is None else meta.uuid
        return hashlib.blake2b(uuid.encode(), person=_SEALING, digest_size=32).digest()

    def close(self) -> None:
        """Let go of the folder."""
        self._catalog.close()

    def _read(self, text: str, whole: bytes, version: int) -> Principal | None:
        identifier, secret = parse_key(text) or _NO_KEY
        with self._catalog.read() as txn:
            record = self._catalog.api_key(txn, identifier)
        key = None if record is None else ApiKey.from_record(identifier, record)
        proven = hmac.compare_digest(digest_of(secret), _NO_DIGEST if key is None else key.sha256)
        if key is None or not proven:
            return None
        if key.state(self._clock()) != "valid":
            self._known.pop(whole, None)
            return None
        principal = key.principal(identifier)
        self._known[whole] = _Known(version, key, principal)
        return principal
