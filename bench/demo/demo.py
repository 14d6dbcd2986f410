"""`vicinal demo`: a database filled with real data, asked, measured and served, in under a minute."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

from ...engine.collection import Collection
from ...engine.database import Database
from ...engine.errors import InvalidArgument
from ...engine.filters.field import F
from ...engine.opening.opening import open as open_database
from ...engine.schema.bm25 import Bm25
from ...engine.schema.sparse_field import Sparse
from ...engine.schema.vector_field import Dense
from ...server.cli.screen import bars, console, stages
from ...server.cli.tables import show_table
from ...server.cli.units import human_bytes, human_seconds
from ...server.cli.warmup import warmup
from . import sample
from .demo_server import serve_and_ask

K = 10
SHOWN_HITS = 3
WORDS_WIDTH = 28
BATCH_POINTS = 1_000
QUESTIONS = ("a third-year student", "droplets in suspension in a gas", "a cold and unaffectionate person")
FILTERED_QUESTION, FILTERED_DOMAIN = "a species unique to Australia", "noun.plant"
KEYWORDS = "musical instrument with strings"


def demo(
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the database in this new folder.")
    ] = None,
) -> None:
    """Load 5,000 real embeddings into a new database, search them, measure the answers, and serve them."""
    if keep is not None and keep.exists():
        raise InvalidArgument(f"{keep} exists; give the name of a new folder")
    with tempfile.TemporaryDirectory(prefix="vicinal-demo-") as scratch:
        folder = keep or Path(scratch) / "words.vicinal"
        warmup()
        with step("Reading 5,000 WordNet synsets, 384 dimensions each"):
            words = sample.load()
        with open_database(folder) as db:
            synsets = fill(db, words)
            ask(synsets, words)
            measure(synsets, words)
        serve_and_ask(folder, words)
        with open_database(folder, read_only=True) as db:
            disk = human_bytes(db.info().bytes_disk)
    place = f"{folder}, {disk}" if keep else f"a temporary folder, {disk}, now removed"
    console.print(f"The database was {place}.", soft_wrap=True)
    say_what_is_next(keep)


def fill(db: Database, words: sample.Sample) -> Collection:
    """Create a collection, write all points durably, and build its index."""
    synsets = db.create_collection(
        "synsets",
        vectors={
            "meaning": Dense(words.dense.shape[1], metric="cosine"),
            "text": Sparse(encoder=Bm25("definition")),
        },
        fields={"domain": "keyword", "pos": "keyword", "length": "integer"},
    )
    start = time.perf_counter()
    n_points = len(words.ids)
    with bars() as shown:
        task = shown.add_task("writing", total=n_points, note="")
        for first in range(0, n_points, BATCH_POINTS):
            rows = slice(first, first + BATCH_POINTS)
            synsets.upsert(words.ids[rows], {"meaning": words.dense[rows]}, words.payloads[rows])
            done = min(first + BATCH_POINTS, n_points)
            shown.update(task, completed=done, note=f"{done:,} points, durable")
    written = time.perf_counter() - start
    with stages() as report:
        synsets.merge(progress=report)
    console.print(
        f"{n_points:,} points written in {human_seconds(written)} ({n_points / written:,.0f} a second), "
        f"indexed in {human_seconds(time.perf_counter() - start - written)}."
    )
    return synsets


def ask(synsets: Collection, words: sample.Sample) -> None:
    """Show what real queries find, one of them under a filter, one by its words."""
    for question in QUESTIONS:
        query = words.queries_dense[words.texts.index(question)]
        show(f'"{question}"', synsets.search(query, k=SHOWN_HITS, field="meaning"))
    query = words.queries_dense[words.texts.index(FILTERED_QUESTION)]
    only = F("domain") == FILTERED_DOMAIN
    matches = synsets.count(filter=only)
    show(f'"{FILTERED_QUESTION}"', synsets.search(query, k=SHOWN_HITS, field="meaning"))
    show(
        f'the same, filter=F("domain") == "{FILTERED_DOMAIN}" ({matches:,} points)',
        synsets.search(query, k=SHOWN_HITS, field="meaning", filter=only),
    )
    show(f'"{KEYWORDS}" by its words, without a model', synsets.search(KEYWORDS, k=SHOWN_HITS, field="text"))


def show(title: str, hits: Any) -> None:
    """Print the found synsets of one query."""
    console.print(f"\n[bold]{title}[/bold]")
    for hit in hits:
        words = ", ".join(hit.payload["words"])
        if len(words) > WORDS_WIDTH:
            words = words[: WORDS_WIDTH - 3] + "..."
        console.print(
            f"  [cyan]{hit.score:.2f}[/cyan]  {words:<{WORDS_WIDTH}}  [dim]{hit.payload['definition']}[/dim]",
            no_wrap=True,
            overflow="ellipsis",
        )


def measure(synsets: Collection, words: sample.Sample) -> None:
    """Compare the index with exact search over all queries, each asked by itself."""
    queries = words.queries_dense
    truth = synsets.search(queries, k=K, field="meaning", exact=True, with_payload=False)
    table = Table("", f"recall@{K}", "median", "95 % within", "rows compared a query", box=None)
    for name, exact in (("recall=0.95", False), ("exact=True", True)):
        work = synsets.explain(queries, k=K, field="meaning", exact=exact)
        compared = sum(segment.distances or segment.rescored for segment in work.segments) / len(queries)
        recall = recall_of(work.hits.scores, truth.scores)
        seconds = [_timed(synsets, query, exact) for query in queries]
        middle, slow = np.quantile(seconds, [0.5, 0.95])
        table.add_row(name, f"{recall:.3f}", human_seconds(middle), human_seconds(slow), f"{compared:,.0f}")
    console.print(f"\n[bold]Measured[/bold] over {len(queries)} queries, one at a time, one thread:")
    show_table(table)
    plan = synsets.explain(queries, k=K, field="meaning").segments[0]
    console.print(f"The plan for recall=0.95: {plan}", style="dim", soft_wrap=True)


def recall_of(scores: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
    """Return the share of places whose score reaches the true k-th score, so that ties are no misses."""
    return float((scores >= truth[:, -1:] - 1e-6).mean())


def say_what_is_next(keep: Path | None) -> None:
    """Print commands to go on with, as they have to be typed here."""
    program = "vicinal" if shutil.which("vicinal") else sys.argv[0]
    lines = [
        ("import FILE DIR --collection NAME", "your own npy, hdf5, parquet or jsonl"),
        ("bench run --dataset sample", "recall against speed, beside others"),
        (f"serve {keep or 'words.vicinal'}", "answer over gRPC"),
        (f"info {keep or 'words.vicinal'}", "what is in a database"),
        ("--help", "the other commands"),
    ]
    if keep is None:
        lines.insert(0, ("demo --keep words.vicinal", "this again, and keep the database"))
    console.print("\n[bold]Next[/bold] (README.md begins with a first query in Python):")
    for command, purpose in lines:
        console.print(f"  {program} {command:<34} [dim]{purpose}[/dim]", soft_wrap=True)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print what is done and how long it took."""
    console.print(f"{name} ... ", end="")
    start = time.perf_counter()
    yield
    console.print(human_seconds(time.perf_counter() - start))


def _timed(synsets: Collection, query: NDArray[np.float32], exact: bool) -> float:
    start = time.perf_counter()
    synsets.search(query, k=K, field="meaning", exact=exact)
    return time.perf_counter() - start
