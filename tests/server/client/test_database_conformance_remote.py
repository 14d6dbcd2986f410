"""The clients keep the shared API over real sockets: one of them in plaintext, the other in TLS."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance.database_conformance import DatabaseConformance
from serving.awaited_database import AwaitedDatabase
from serving.certificates import Authority

import vicinal
from vicinal.engine.api import DatabaseApi
from vicinal.engine.async_api import AsyncCollectionApi, AsyncDatabaseApi
from vicinal.server.service.server import Server
from vicinal.server.service.settings.settings import ServerSettings


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"), "authority")


@pytest.fixture
def plaintext(tmp_path: Path) -> Iterator[str]:
    """The address of a server that speaks plaintext."""
    with Server(ServerSettings(tmp_path / "db", port=0)) as server:
        yield server.address


@pytest.fixture
def encrypted(tmp_path: Path, authority: Authority) -> Iterator[str]:
    """The address of a server that speaks TLS."""
    issued = authority.issue()
    settings = ServerSettings(tmp_path / "db", port=0, tls_cert=issued.certificate, tls_key=issued.key)
    with Server(settings) as server:
        yield server.address


class TestBlocking(DatabaseConformance):
    @pytest.fixture
    def db(self, plaintext: str) -> Iterator[DatabaseApi]:
        with vicinal.connect(plaintext) as db:
            yield db


class TestAsyncInTls(DatabaseConformance):
    @pytest.fixture
    def db(self, encrypted: str, authority: Authority) -> Iterator[DatabaseApi]:
        with AwaitedDatabase(vicinal.aconnect(encrypted, tls=vicinal.Tls(ca=authority.certificate))) as db:
            yield db

    async def protocols(self, address: str) -> None:
        async with vicinal.aconnect(address) as db:
            assert isinstance(db, AsyncDatabaseApi)
            assert isinstance(await db.create_collection("films", vicinal.Dense(2)), AsyncCollectionApi)

    def test_asynchronous_protocols(self, plaintext: str) -> None:
        asyncio.run(self.protocols(plaintext))
