"""The tables of docs/server.md and docs/client.md are what the code has."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from serving.command_table import parameters, resolve

from vicinal.engine import errors
from vicinal.engine.filters.limits import MAX_DEPTH, MAX_NODES
from vicinal.engine.input.options import MAX_K
from vicinal.engine.results.info import Activity, CollectionInfo, DatabaseInfo
from vicinal.engine.schema.parameters import MAX_DIM
from vicinal.server.service.access.api_key import ApiKey
from vicinal.server.service.settings.limits import Limits
from vicinal.server.service.transport.certificate import Certificate
from vicinal.server.service.transport.grpc_options import MAX_CONNECTIONS, MAX_METADATA_BYTES
from vicinal.server.service.watching.metrics import Metrics
from vicinal.server.wire.methods import METHODS
from vicinal.server.wire.statuses import to_status

DOCS = Path(__file__).resolve().parents[2] / "docs"
SERVER = (DOCS / "server.md").read_text()
CLIENT = (DOCS / "client.md").read_text()


def table(text: str, first_heading: str) -> list[list[str]]:
    """Return the rows of the table whose first column has this heading."""
    found = re.search(rf"^\| {first_heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert found is not None, first_heading
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in found[1].splitlines()]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_limits() -> None:
    serve, _ = resolve(["serve"])
    options = {name for param in serve.params for name in param.opts}
    defaults = parameters(["serve", "DIR"])
    unnamed, named = [], {}
    for _, default, option in table(SERVER, "limit"):
        if names(option):
            (name,) = names(option)
            assert name in options
            named[name.removeprefix("--").replace("-", "_")] = default
        elif "tenants.md" in option:
            assert default == "none"
        else:
            unnamed.append(int(default.replace(",", "")))
    limits = Limits()
    assert unnamed == [
        limits.max_points,
        limits.max_queries,
        limits.max_results,
        limits.max_receiving,
        MAX_CONNECTIONS,
    ]
    assert named.pop("max_searches") == "the cores that the process may use, at least 2"
    assert named.pop("max_calls_per_second") == "none"
    assert defaults["max_calls_per_second"] is None
    for name, default in named.items():
        number, _, unit = default.partition(" ")
        assert float(number.replace(",", "")) == defaults[name], name
        assert (unit == "MB") == name.endswith("_mb"), name


def test_limits_of_the_engine() -> None:
    text = " ".join(SERVER.split())
    assert f"`k + offset` up to {MAX_K:,}" in text
    assert f"vectors of 1 to {MAX_DIM:,} dimensions" in text
    assert f"at most {MAX_DEPTH} levels deep with {MAX_NODES:,} parts" in text
    assert f"have {MAX_METADATA_BYTES >> 10} KiB" in text


def test_metrics() -> None:
    documented = {
        names(name)[0].removesuffix("_total"): set(filter(None, labels.split(", ")))
        for name, labels, _ in table(SERVER, "name")
    }
    metrics = Metrics(METHODS)
    metrics.finish("/vicinal.v1.SearchService/Search", "OK", 0.1)
    metrics.refused("overloaded")
    metrics.audited("films", 0.95, 1.0)
    films = CollectionInfo("films", 1, (), 0, Activity())
    begins = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = Certificate(Path("server.pem"), begins, begins + timedelta(days=90))
    metrics.watch(database=lambda: DatabaseInfo("db", 1, (films,), 0), certificate=certificate)
    counted = {
        family.name: {label for sample in family.samples for label in sample.labels if label != "le"}
        for family in text_string_to_metric_families(generate_latest(metrics.registry).decode())
        if family.name.startswith("vicinal_")
    }
    assert documented == counted


def test_errors() -> None:
    documented = {
        name: set(names(codes)) for classes, codes, _ in table(CLIENT, "class") for name in names(classes)
    }
    public = {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.VicinalError)
    }
    assert documented.keys() == public.keys()
    for name, error_class in public.items():
        assert to_status(error_class("text"), "").code.name in documented[name], name


def test_the_record_of_a_key() -> None:
    text = (DOCS / "format.md").read_text()
    section = text[text.index("### API keys") :]
    section = section[: section.index("\n##", 4)]
    members = [names(row[0])[0] for row in table(section, "member")]
    assert members == list(ApiKey.__struct_fields__)
