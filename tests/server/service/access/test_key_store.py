"""Keys in the catalog: made and revoked by any process, looked up by one that serves."""

from __future__ import annotations

import datetime
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import vicinal
from vicinal.server.service.access.key_store import KeyStore
from vicinal.server.service.access.principal import ANONYMOUS, Right
from vicinal.storage.opening.database_folder import open_catalog
from vicinal.storage.verify.folder_check import check_folder

NOW = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
DIM = 4


class Clock:
    """A time of day that passes when the test says so."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime.datetime:
        return self.now


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "films.vicinal"
    vicinal.open(path).close()
    return path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(folder: Path, clock: Clock) -> Iterator[KeyStore]:
    with KeyStore(folder, clock=clock) as store:
        yield store


def elsewhere(folder: Path, code: str) -> str:
    """Run code in another process, with ``keys`` open; return what it prints."""
    script = (
        "import sys\n"
        "from vicinal.server.service.access.key_store import KeyStore\n"
        f"with KeyStore(sys.argv[1]) as keys:\n    {code}\n"
    )
    command = [sys.executable, "-c", script, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout.strip()


def test_a_key_is_looked_up_with_what_it_allows(store: KeyStore) -> None:
    identifier, text = store.create("search", "write", tenants=("anna", "boris"), collections=("films",))
    principal = store.lookup(text)
    assert principal is not None
    assert (principal.key_id, principal.name, principal.right) == (identifier, "search", Right.WRITE)
    assert principal.tenants == {"anna", "boris"}
    assert principal.collections == {"films"}
    # What is remembered is the same.
    assert store.lookup(text) == principal


def test_everyone_is_let_in_until_the_first_key_exists(store: KeyStore) -> None:
    assert not store.any_exist()
    assert store.principal_of("") == store.principal_of("vicinal_") == ANONYMOUS
    _, text = store.create("first", "read")
    assert store.any_exist()
    assert store.principal_of("") is None
    assert store.principal_of(text) is not None


def test_revoking_the_last_key_does_not_open_the_door(folder: Path, store: KeyStore) -> None:
    identifier, text = store.create("only", "admin")
    store.revoke(identifier)
    assert store.principal_of(text) is None
    assert store.principal_of("") is None
    with KeyStore(folder, read_only=True) as again:
        assert again.any_exist()
        assert again.principal_of(text) is None


def test_a_key_expires(store: KeyStore, clock: Clock) -> None:
    _, text = store.create("short", "read", expires=NOW + DAY)
    assert store.lookup(text) is not None
    clock.now += DAY - datetime.timedelta(microseconds=1)
    assert store.lookup(text) is not None
    clock.now = NOW + DAY
    assert store.lookup(text) is None
    assert store.lookup(text) is None


def test_only_the_whole_key_is_one(store: KeyStore) -> None:
    identifier, text = store.create("a", "admin")
    other, second = store.create("b", "read")
    secret = text.split("_", 2)[2]
    wrong = [
        "",
        "vicinal",
        secret,
        identifier,
        text[:-1] + ("A" if text[-1] != "A" else "B"),
        f"vicinal_{other}_{secret}",
        f"vicinal_{identifier}_{second.split('_', 2)[2]}",
        f"vicinal_{'0' * 12}_{secret}",
        f"vicinal_{identifier}_{store.list()[identifier].sha256[:43]}",
        f"Bearer {text}",
        "vicinal_" + "x" * 1_000_000,
    ]
    for attempt in wrong:
        assert store.lookup(attempt) is None, attempt[:80]
        # Also once the right one is remembered.
        assert store.lookup(text) is not None
        assert store.lookup(attempt) is None, attempt[:80]


def test_no_file_holds_the_secret(folder: Path, store: KeyStore) -> None:
    identifier, text = store.create("a", "admin")
    held = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert identifier.encode() in held
    assert text.split("_", 2)[2].encode() not in held


def test_keys_are_listed_in_the_order_they_were_made(store: KeyStore, clock: Clock) -> None:
    made = []
    for name in ("c", "a", "b"):
        made.append(store.create(name, "read")[0])
        clock.now += DAY
    store.revoke(made[1])
    found = store.list()
    assert list(found) == made
    assert [record.name for record in found.values()] == ["c", "a", "b"]
    assert [record.state(clock.now) for record in found.values()] == ["valid", "revoked", "valid"]
    assert [record.created for record in found.values()] == [NOW, NOW + DAY, NOW + 2 * DAY]


def test_revoking_again_changes_nothing(store: KeyStore, clock: Clock) -> None:
    identifier, _ = store.create("a", "read")
    assert store.revoke(identifier).revoked == NOW
    clock.now += DAY
    assert store.revoke(identifier).revoked == NOW


@pytest.mark.parametrize("identifier", ["0123456789ab", "", "x" * 300, "\udc80"])
def test_revoking_what_does_not_exist(store: KeyStore, identifier: str) -> None:
    with pytest.raises(vicinal.NotFound, match="key list"):
        store.revoke(identifier)


def test_a_folder_without_a_database_is_left_as_it_is(tmp_path: Path) -> None:
    for read_only in (False, True):
        with pytest.raises(vicinal.NotFound, match=r"vicinal serve.*--new"):
            KeyStore(tmp_path / "missing", read_only=read_only)
        with pytest.raises(vicinal.NotFound):
            KeyStore(tmp_path, read_only=read_only)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(vicinal.NotADatabase, match="notes"):
        KeyStore(tmp_path)


def test_a_wrong_argument_makes_no_key(store: KeyStore) -> None:
    with pytest.raises(vicinal.InvalidArgument, match="rights"):
        store.create("a", "root")
    assert not store.any_exist()


def test_a_record_of_a_newer_release_lets_nobody_in(folder: Path, store: KeyStore) -> None:
    identifier, text = store.create("a", "read")
    catalog = open_catalog(folder, engine="")
    with catalog.write() as txn:
        record = catalog.api_key(txn, identifier)
        assert record is not None
        catalog.put_api_key(txn, identifier, record | {"networks": ["10.0.0.0/8"]})
    catalog.close()
    with pytest.raises(vicinal.Corruption, match=identifier):
        store.principal_of(text)
    assert store.principal_of("") is None


def test_a_closed_store_lets_nobody_in(folder: Path) -> None:
    store = KeyStore(folder)
    _, text = store.create("a", "read")
    assert store.lookup(text) is not None
    store.close()
    with pytest.raises(vicinal.Closed):
        store.principal_of(text)


def test_the_sealing_secret_belongs_to_the_database(folder: Path, tmp_path: Path, store: KeyStore) -> None:
    vicinal.open(tmp_path / "other").close()
    with KeyStore(folder, read_only=True) as again, KeyStore(tmp_path / "other") as other:
        assert store.sealing_secret() == again.sealing_secret()
        assert other.sealing_secret() != store.sealing_secret()
    assert elsewhere(folder, "print(keys.sealing_secret().hex())") == store.sealing_secret().hex()
    assert len(store.sealing_secret()) == 32


def test_the_next_look_up_sees_what_another_process_did(folder: Path) -> None:
    with KeyStore(folder, read_only=True) as store:
        assert store.principal_of("") == ANONYMOUS
        identifier, text = elsewhere(folder, "print(*keys.create('a', 'read'))").split()
        assert store.principal_of("") is None
        assert store.principal_of(text) is not None
        elsewhere(folder, f"keys.revoke({identifier!r})")
        assert store.principal_of(text) is None


def test_a_database_opened_after_its_keys_goes_on_writing(folder: Path) -> None:
    with KeyStore(folder, read_only=True) as store, vicinal.open(folder) as db:
        films = db.create_collection("films", vicinal.Dense(DIM))
        films.upsert([1], np.ones((1, DIM)))
        assert store.principal_of("") == ANONYMOUS
        with KeyStore(folder) as writing:
            _, text = writing.create("a", "read")
        assert store.lookup(text) is not None
        films.upsert([2], np.ones((1, DIM)))
        assert films.count() == 2


def test_keys_change_in_another_process_while_this_one_writes(folder: Path) -> None:
    """Neither harms the other: every upsert and every key is there afterwards, and every checksum holds."""
    policy = vicinal.MergePolicySettings(quiet_seconds=0.0, seal_rows=200, tier_factor=2)
    stop = threading.Event()
    written = [0, 0]
    failures: list[Exception] = []
    with vicinal.open(folder, merge_policy=policy) as db, KeyStore(folder, read_only=True) as store:
        films = db.create_collection("films", vicinal.Dense(DIM))

        def write(worker: int) -> None:
            try:
                while not stop.is_set():
                    ids = np.arange(20) + 20 * written[worker] + worker * 10_000_000
                    films.upsert(ids, np.random.default_rng(worker).standard_normal((20, DIM)))
                    written[worker] += 1
            except Exception as error:
                failures.append(error)

        writers = [threading.Thread(target=write, args=(worker,)) for worker in range(2)]
        for writer in writers:
            writer.start()
        made = []
        try:
            for number in range(3):
                code = f"print(*[x for i in range(20) for x in keys.create(f'k{number}.{{i}}', 'write')])"
                fields = elsewhere(folder, code).split()
                pairs = list(zip(fields[::2], fields[1::2], strict=True))
                made += pairs
                assert all(store.lookup(text) is not None for _, text in pairs)
                revoked = [identifier for identifier, _ in pairs[::2]]
                elsewhere(folder, f"[keys.revoke(identifier) for identifier in {revoked!r}]")
                assert [store.lookup(text) is not None for _, text in pairs] == [False, True] * 10
        finally:
            stop.set()
            for writer in writers:
                writer.join()
        assert failures == []
        assert min(written) > 0
        assert films.count() == 20 * sum(written)
        assert set(store.list()) == {identifier for identifier, _ in made}
    assert check_folder(folder) == []
    with vicinal.open(folder, read_only=True) as db:
        assert db.collection("films").count() == 20 * sum(written)


def test_look_ups_of_many_threads_while_keys_come_and_go(folder: Path, store: KeyStore) -> None:
    _, lasting = store.create("lasting", "read")
    stop = threading.Event()
    wrong: list[str] = []

    def look_up() -> None:
        while not stop.is_set():
            if store.principal_of(lasting) is None or store.principal_of(lasting + "x") is not None:
                wrong.append("a look-up of the lasting key")

    threads = [threading.Thread(target=look_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        identifier, text = store.create("brief", "admin")
        assert store.principal_of(text) is not None
        store.revoke(identifier)
        assert store.principal_of(text) is None
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []


REVOKER = """
import sys
from vicinal.server.service.access.key_store import KeyStore

with KeyStore(sys.argv[1]) as keys:
    for line in sys.stdin:
        keys.revoke(line.strip())
        print("revoked", flush=True)
"""


def test_a_key_is_refused_once_it_is_revoked_also_where_it_is_looked_up_meanwhile(folder: Path) -> None:
    with KeyStore(folder) as keys:
        made = [keys.create("k", "read") for _ in range(60)]
    command = [sys.executable, "-c", REVOKER, str(folder)]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as revoker,
        KeyStore(folder, read_only=True) as keys,
        ThreadPoolExecutor(1) as pool,
    ):
        assert revoker.stdin is not None
        assert revoker.stdout is not None
        for identifier, text in made:
            assert keys.lookup(text) is not None
            revoked = threading.Event()

            def look(text: str = text, revoked: threading.Event = revoked) -> None:
                while not revoked.wait(0.0002):
                    keys.lookup(text)

            looking = pool.submit(look)
            revoker.stdin.write(f"{identifier}\n")
            revoker.stdin.flush()
            try:
                assert revoker.stdout.readline() == "revoked\n"
                assert keys.lookup(text) is None
            finally:
                revoked.set()
            looking.result()
        revoker.stdin.close()
