from __future__ import annotations

import json
import re
from typing import Any

import pytest

from vicinal.engine.errors import InvalidArgument
from vicinal.engine.schema.collection_schema import CollectionSchema
from vicinal.engine.schema.multi_field import Multi
from vicinal.engine.schema.payload_field import FieldType
from vicinal.engine.schema.sparse_field import Sparse
from vicinal.engine.schema.vector_field import Dense
from vicinal.indexes.exact.flat import Flat
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric

FULL = CollectionSchema(
    {
        "plot": Dense(384, index=Flat()),
        "poster": Dense(64, metric="hamming", element="binary", index=Flat()),
        "cast": Dense(8192, metric="l2", element="int8", index=Flat()),
        "words": Sparse(),
        "topics": Sparse(metric="cosine"),
        "marks": Sparse(element="binary"),
        "buckets": Sparse(element="binary", bucket_size=10, bucket_weights=[1, 0.5]),
        "tokens": Multi(128, element="float32"),
    },
    {"year": "integer", "maker.city": FieldType.KEYWORD, "seen": "datetime"},
    partitioned=True,
)


def test_json_round_trip() -> None:
    record = FULL.to_json()
    assert CollectionSchema.from_json(json.loads(json.dumps(record))) == FULL
    assert CollectionSchema.from_json(record).to_json() == record


def test_texts_become_enums() -> None:
    field = FULL.vectors["poster"]
    assert isinstance(field, Dense)
    assert field.metric is Metric.HAMMING
    assert field.element is Element.BINARY
    assert FULL.fields["year"] is FieldType.INTEGER
    assert Multi(8).element is Element.FLOAT16


def test_a_schema_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        FULL.vectors["tokens"].dim = 3  # type: ignore[misc,union-attr]  # the point of the test
    with pytest.raises(TypeError):
        FULL.fields["x"] = FieldType.BOOL  # type: ignore[index]  # the point of the test


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dense(0), "dim is 0; expected a whole number from 1 to 8192"),
        (lambda: Dense(8193), "dim is 8193"),
        (lambda: Dense(True), "dim is True"),
        (lambda: Dense(3.0), "dim is 3.0"),  # type: ignore[arg-type]  # the point of the test
        (
            lambda: Dense(8, metric="cosin"),
            "metric is 'cosin'; expected one of 'cosine', 'dot', 'l2', 'hamming'",
        ),
        (lambda: Dense(8, element="f32"), "element is 'f32'"),
        (lambda: Dense(8, element="binary"), "hamming compares binary vectors"),
        (lambda: Dense(8, metric="hamming"), "hamming compares binary vectors"),
        (lambda: Dense(12, metric="hamming", element="binary"), "multiple of 8"),
        (lambda: Dense(8, index="hnsw"), "pass an index spec"),  # type: ignore[arg-type]  # the point of the test
        (lambda: Sparse(metric="l2"), "compared by 'dot' or 'cosine'"),
        (lambda: Sparse(element="int8"), "a sparse field takes 'float32' or 'binary'"),
        (lambda: Sparse(element="binary", metric="cosine"), "compared by 'dot'; leave out metric='cosine'"),
        (lambda: Sparse(element="binary", tokens=True), "leave out tokens"),
        (lambda: Sparse(bucket_size=2, bucket_weights=[1]), "buckets are of binary vectors"),
        (lambda: Sparse(element="binary", bucket_size=2), "bucket_weights is None"),
        (lambda: Sparse(element="binary", bucket_weights=[1]), "bucket_size is None"),
        (lambda: Sparse(element="binary", bucket_size=0, bucket_weights=[1]), "bucket_size is 0"),
        (lambda: Sparse(element="binary", bucket_size=1, bucket_weights=[]), "1 to 65,536 finite numbers"),
        (lambda: Sparse(element="binary", bucket_size=1, bucket_weights=[float("nan")]), "finite numbers"),
        (lambda: Sparse(metric="cosin"), "metric is 'cosin'; expected one of"),
        (lambda: Multi(9, element="binary"), "multiple of 8"),
        (lambda: Multi(0), "dim is 0"),
        (lambda: Multi(8, metric="hamming"), "takes 'dot', 'cosine' or 'l2'"),
        (lambda: Multi(8, max_tokens=True), "max_tokens is True; expected a whole number from 1 to 65,536"),
    ],
)
def test_fields_that_cannot_be(make: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(message)):
        make()


@pytest.mark.parametrize(
    ("vectors", "fields", "message"),
    [
        ({}, {}, "vectors is {}; pass 1 to 32"),
        ([Sparse()], {}, "vectors is"),
        ({"a": 384}, {}, "vectors['a'] is 384; pass a Dense"),
        ({"a/b": Sparse()}, {}, "'a/b'; a name is 1 to 64 characters"),
        ({"": Sparse()}, {}, "a name is"),
        ({"a" * 65: Sparse()}, {}, "a name is"),
        ({"ä": Sparse()}, {}, "a name is"),
        ({"a": Sparse()}, {"year": "int"}, "fields['year'] is 'int'; expected one of 'keyword', 'integer'"),
        ({"a": Sparse()}, {"a..b": "integer"}, "a dot stands between two keys"),
        ({"a": Sparse()}, {".a": "integer"}, "a dot stands between two keys"),
        ({"a": Sparse()}, ["year"], "fields is ['year']"),
        ({f"v{i}": Sparse() for i in range(33)}, {}, "pass 1 to 32"),
        ({"a": Sparse()}, {f"f{i}": "bool" for i in range(257)}, "pass at most 256"),
    ],
)
def test_schemas_that_cannot_be(vectors: Any, fields: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(message)):
        CollectionSchema(vectors, fields)


def _changed(path: list[str], value: Any) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(json.dumps(FULL.to_json()))
    inner = record
    for key in path[:-1]:
        inner = inner[key]
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return record


@pytest.mark.parametrize(
    "record",
    [
        _changed(["shards"], 3),
        _changed(["vectors"], None),
        _changed(["fields"], None),
        _changed(["partitioned"], "yes"),
        _changed(["vectors", "plot", "metrik"], "dot"),
        _changed(["vectors", "plot", "dim"], None),
        _changed(["vectors", "plot", "kind"], "dens"),
        _changed(["vectors", "plot", "index", "name"], "hsnw"),
        _changed(["vectors", "plot", "index", "mm"], 3),
        _changed(["vectors", "words", "dim"], 3),
        _changed(["vectors", "words", "metric"], "hamming"),
        _changed(["vectors", "tokens", "metric"], "hamming"),
        _changed(["vectors", "tokens", "max_tokens"], 0),
        _changed(["vectors", "words"], 7),
        _changed(["fields", "year"], "number"),
        FULL.to_json() | {"strict": 1},
        [],
        None,
    ],
)
def test_json_is_read_strictly(record: Any) -> None:
    with pytest.raises(InvalidArgument):
        CollectionSchema.from_json(record)


def test_a_multi_field_of_older_json_is_of_the_dot() -> None:
    record = FULL.to_json()
    record["vectors"]["tokens"]["metric"] = "maxsim"
    assert CollectionSchema.from_json(record) == FULL


def test_what_is_settled_is_kept_until_no_more_is_declared() -> None:
    auto = CollectionSchema(FULL.vectors, auto=True)
    assert auto.fixed == {}
    shown = auto.with_shown({"a": FieldType.INTEGER}, ["b"])
    assert shown.with_shown({"a": FieldType.INTEGER}, ["b"]) is shown
    said = shown.with_field("c", "text").without_field("a")
    assert (said.fields, said.fixed, said.settled) == ({"c": "text"}, {"c": "text"}, {"a", "b", "c"})
    dropped = said.without_vector_field("words", 7)
    for schema in (auto, said, dropped, dropped.without_more_fields()):
        found = CollectionSchema.from_json(json.loads(json.dumps(schema.to_json())))
        assert (found, found.settled, found.changed) == (schema, schema.settled, schema.changed)
    assert dropped.without_more_fields().fixed == {"c": "text"}
    assert "auto" not in FULL.to_json()


def test_a_schema_of_older_json_is_not_strict() -> None:
    strict = CollectionSchema(FULL.vectors, FULL.fields, partitioned=True, strict=True)
    record = strict.to_json()
    assert CollectionSchema.from_json(record) == strict
    assert strict.with_field("more", "bool").without_vector_field("words", 7).strict
    del record["strict"]
    assert CollectionSchema.from_json(record) == FULL
    assert "strict" not in FULL.to_json()
