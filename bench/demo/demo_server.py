"""The second half of the demo: the same database served, and asked over gRPC with a tenant's key."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rich.table import Table

from ...engine.errors import NotFound, Unauthenticated, Unavailable
from ...engine.opening.opening import open as open_database
from ...engine.schema.vector_field import Dense
from ...server.cli.screen import console
from ...server.cli.units import human_seconds
from ...server.client.connecting import connect
from ...server.service.access.key_store import KeyStore
from . import sample

COLLECTION = "by_part_of_speech"
TENANTS = {"nouns": "n", "verbs": "v"}
QUESTION = "a third-year student"
TIMED_QUERIES = 200
LISTENING = re.compile(r"listening on (\S+:\d+)")


def serve_and_ask(folder: Path, words: sample.Sample) -> None:
    """Serve ``folder`` in another process and ask it as one of two tenants."""
    fill_tenants(folder, words)
    with KeyStore(folder) as keys:
        _, key = keys.create("demo", "read", tenants=("nouns",), collections=(COLLECTION,))
    console.print(
        f"\n[bold]Served[/bold]: vicinal serve {folder.name} --port 0, and a key that may read what the "
        f'tenant "nouns" has in "{COLLECTION}".',
        soft_wrap=True,
    )
    with served(folder) as address:
        ask_as_tenant(address, key, words)


def fill_tenants(folder: Path, words: sample.Sample) -> None:
    """Put the nouns and the verbs into one collection, each a tenant's own."""
    with open_database(folder) as db:
        shared = db.create_collection(COLLECTION, Dense(words.dense.shape[1]), partitioned=True)
        for tenant, part in TENANTS.items():
            rows = [row for row, payload in enumerate(words.payloads) if payload["pos"] == part]
            payloads = [words.payloads[row] for row in rows]
            shared.upsert([words.ids[row] for row in rows], words.dense[rows], payloads, tenant=tenant)
        shared.merge()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Run `vicinal serve` on a free port; stop it as a supervisor would."""
    command = [sys.executable, "-m", "vicinal", "serve", str(folder), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = None
        for line in process.stdout:
            found = LISTENING.search(line)
            if found:
                break
        if found is None:
            _, complaint = process.communicate()
            raise Unavailable(f"the server did not start: {complaint.strip()}")
        yield found[1]
    finally:
        process.terminate()
        process.communicate()


def ask_as_tenant(address: str, key: str, words: sample.Sample) -> None:
    """Ask with the tenant's key, without one, and for what belongs to the other tenant."""
    query = words.queries_dense[words.texts.index(QUESTION)]
    with connect(address, key=key) as db:
        nouns = db.collection(COLLECTION)
        console.print(
            f'[bold]"{QUESTION}"[/bold] over gRPC at {address}, {nouns.count():,} points to be seen'
        )
        for hit in nouns.search(query, k=3):
            console.print(
                f"  [cyan]{hit.score:.2f}[/cyan]  {', '.join(hit.payload['words']):<28.28}  "
                f"[dim]{hit.payload['definition']}[/dim]",
                no_wrap=True,
                overflow="ellipsis",
            )
        seconds = []
        for row in range(TIMED_QUERIES):
            start = time.perf_counter()
            nouns.search(words.queries_dense[row % len(words.queries_dense)], k=10)
            seconds.append(time.perf_counter() - start)
        middle, slow = np.quantile(seconds, [0.5, 0.95])
        answers = Table.grid(padding=(0, 2))
        answers.add_row(
            "a query there and back", f"{human_seconds(middle)}, 95 % within {human_seconds(slow)}"
        )
        try:
            nouns.count(tenant="verbs")
        except NotFound as error:
            answers.add_row('asked for the tenant "verbs"', str(error))
    with connect(address) as stranger:
        try:
            stranger.collections()
        except Unauthenticated as error:
            answers.add_row("asked without the key", str(error))
    console.print(answers)
