"""What is counted, as Prometheus reads it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

import vicinal
from vicinal.server.service.watching.metrics import Metrics

Samples = dict[tuple[str, ...], float]


def exposed(metrics: Metrics, accept: str = "") -> tuple[bytes, str]:
    """Return all metrics and their content type, in the format that a scraper asks for."""
    encode, content_type = choose_encoder(accept)
    return encode(metrics.registry), content_type


def read(metrics: Metrics) -> Samples:
    """Return every sample by its name and the values of its labels, by the names of the labels."""
    text, content_type = exposed(metrics)
    assert content_type.startswith("text/plain")
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in parse_text(text.decode())
        for sample in family.samples
    }


def full_metrics() -> Metrics:
    metrics = Metrics(["Search", "UpsertPoints"])
    metrics.finish("Search", "OK", 0.0003)
    metrics.refused("unauthenticated")
    metrics.audited("films", 0.95, 1.0)
    db = vicinal.open(":memory:")
    db.create_collection("films", vicinal.Dense(4)).upsert(range(10), np.ones((10, 4)))
    metrics.watch(waiting=lambda: 3, database=db.info)
    return metrics


def test_requests_are_counted_by_method_and_code() -> None:
    metrics = Metrics(["Search", "UpsertPoints"])
    for seconds in (0.0002, 0.003, 700.0):
        metrics.finish("Search", "OK", seconds)
    metrics.finish("Search", "NOT_FOUND", 0.0001)
    metrics.watch(in_flight=lambda: 1)
    found = read(metrics)
    assert found["vicinal_requests_total", "OK", "Search"] == 3
    assert found["vicinal_requests_total", "NOT_FOUND", "Search"] == 1
    assert found["vicinal_requests_total", "OK", "UpsertPoints"] == 0
    assert found["vicinal_requests_in_flight",] == 1
    assert found["vicinal_request_seconds_count", "Search"] == 4
    assert found["vicinal_request_seconds_sum", "Search"] == pytest.approx(700.0033)
    # A bound belongs to its bucket, and buckets are cumulative.
    assert found["vicinal_request_seconds_bucket", "0.0001", "Search"] == 1
    assert found["vicinal_request_seconds_bucket", "0.00025", "Search"] == 2
    assert found["vicinal_request_seconds_bucket", "60.0", "Search"] == 3
    assert found["vicinal_request_seconds_bucket", "+Inf", "Search"] == 4


@given(st.lists(st.floats(0, 100)))
def test_buckets_hold_what_is_below_their_bounds(times: list[float]) -> None:
    metrics = Metrics(["Search"])
    for seconds in times:
        metrics.finish("Search", "OK", seconds)
    for (name, *labels), count in read(metrics).items():
        if name == "vicinal_request_seconds_bucket":
            assert count == sum(seconds <= float(labels[0]) for seconds in times)


def test_threads_lose_no_count() -> None:
    metrics = Metrics(["Search"])

    def call() -> None:
        for _ in range(2_000):
            metrics.refused("rate_limited")
            metrics.finish("Search", "OK", 0.001)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = read(metrics)
    assert found["vicinal_requests_total", "OK", "Search"] == 16_000
    assert found["vicinal_request_seconds_count", "Search"] == 16_000
    assert found["vicinal_refused_total", "rate_limited"] == 16_000


def test_refusals_waiting_and_recall() -> None:
    metrics = full_metrics()
    metrics.audited("films", 0.9, 0.8)
    found = read(metrics)
    assert found["vicinal_refused_total", "unauthenticated"] == 1
    assert found["vicinal_requests_waiting",] == 3
    assert found["vicinal_search_recall_target_sum", "films"] == pytest.approx(1.85)
    assert found["vicinal_search_recall_audited_sum", "films"] == pytest.approx(1.8)
    assert found["vicinal_search_recall_target_count", "films"] == 2
    assert found["vicinal_search_recall_audited_count", "films"] == 2


def test_sizes_are_those_of_the_database_at_the_scrape(tmp_path: Path) -> None:
    metrics = Metrics(["Search"])
    assert ("vicinal_catalog_bytes",) not in read(metrics)
    with vicinal.open(tmp_path / "db") as db:
        metrics.watch(database=db.info)
        films = db.create_collection("films", vicinal.Dense(4))
        db.create_collection("books", vicinal.Dense(4))
        films.upsert(range(100), np.random.default_rng(0).standard_normal((100, 4)))
        found = read(metrics)
        assert found["vicinal_points", "films"] == 100
        assert found["vicinal_points", "books"] == 0
        assert found["vicinal_segment_bytes", "films"] == 0
        films.flush()
        films.delete([1, 2, 3])
        db.drop_collection("books")
        found = read(metrics)
        assert found["vicinal_points", "films"] == 97
        assert ("vicinal_points", "books") not in found
        info = db.info()
        assert found["vicinal_segment_bytes", "films"] == info.collections[0].bytes_disk > 0
        assert found["vicinal_memory_bytes", "films"] == info.collections[0].bytes_memory
        assert found["vicinal_catalog_bytes",] == info.bytes_catalog > 0
        assert found["vicinal_merge_progress_ratio", "films"] == 0
    # A database that was closed says nothing, and the rest is still told.
    found = read(metrics)
    assert ("vicinal_points", "films") not in found
    assert found["vicinal_requests_total", "OK", "Search"] == 0


def test_the_process_is_watched_too() -> None:
    found = read(full_metrics())
    assert found["process_resident_memory_bytes",] > 1_000_000
    assert found["process_open_fds",] > 0


def families(metrics: Metrics) -> list[Any]:
    return list(metrics.collect())


def test_names_are_as_prometheus_wants_them() -> None:
    """The rules of `promtool check metrics` that apply."""
    for family in families(full_metrics()):
        name, documentation = family.name, family.documentation
        assert name.startswith("vicinal_")
        assert documentation.endswith(".")
        assert family.samples, f"{name} has no sample"
        assert not name.endswith(("_sum", "_count", "_bucket", "_info", "_created"))
        assert not {"milliseconds", "ms", "minutes", "kilobytes", "mb", "percent"} & set(name.split("_"))
        assert family.type not in name.split("_")
        # A counter is exposed with the ending; the family's name is without it.
        assert not name.endswith("_total")
        if any(word in documentation.lower() for word in ("bytes of", "bytes in")):
            assert name.endswith("_bytes")


def test_openmetrics_is_spoken_to_those_who_ask() -> None:
    text, content_type = exposed(
        full_metrics(), "application/openmetrics-text; version=1.0.0,text/plain;q=0.5"
    )
    assert content_type.startswith("application/openmetrics-text")
    names = {family.name for family in parse_openmetrics(text.decode())}
    assert {"vicinal_requests", "vicinal_request_seconds", "vicinal_points"} <= names


@given(st.text())
def test_any_accept_header_is_answered(accept: str) -> None:
    text, _ = exposed(Metrics(["Search"]), accept)
    assert b"vicinal_requests_total" in text


def test_servers_in_one_process_count_apart() -> None:
    first, second = Metrics(["Search"]), Metrics(["Search"])
    first.refused("overloaded")
    assert read(first)["vicinal_refused_total", "overloaded"] == 1
    assert read(second).get(("vicinal_refused_total", "overloaded"), 0) == 0
