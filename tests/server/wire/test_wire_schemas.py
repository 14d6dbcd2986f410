from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vicinal.engine.errors import InvalidArgument, LimitExceeded
from vicinal.engine.schema.bm25 import Bm25
from vicinal.engine.schema.collection_schema import CollectionSchema
from vicinal.engine.schema.multi_field import Multi
from vicinal.engine.schema.payload_field import FieldType
from vicinal.engine.schema.sparse_field import Sparse
from vicinal.engine.schema.vector_field import Dense
from vicinal.indexes.codecs.product import Product
from vicinal.indexes.exact.flat import Flat
from vicinal.indexes.graph.hnsw import Hnsw
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.proto.v1 import schema_pb2 as pb
from vicinal.proto.v1.vectors_pb2 import ElementType
from vicinal.server.wire.schemas import put_schema, read_schema

names = st.text("abcXYZ019_.-", min_size=1, max_size=8)
paths = names.filter(lambda name: all(name.split(".")))
indexes = st.builds(Hnsw, m=st.integers(2, 128), ef_construction=st.integers(8, 4096)) | st.builds(Flat)


@st.composite
def dense_fields(draw: st.DrawFn) -> Dense:
    element = draw(st.sampled_from(Element))
    if element is Element.BINARY:
        return Dense(8 * draw(st.integers(1, 1024)), metric="hamming", element=element, index=draw(indexes))
    metric = draw(st.sampled_from([Metric.COSINE, Metric.DOT, Metric.L2]))
    where = draw(st.booleans())
    return Dense(
        draw(st.integers(1, 8192)), metric=metric, element=element, index=draw(indexes), on_disk=where
    )


buckets = st.fixed_dictionaries(
    {
        "bucket_size": st.integers(1, 2**32),
        "bucket_weights": st.lists(st.floats(-1e17, 1e17), min_size=1, max_size=5),
    }
)
sparse_fields = st.builds(Sparse, metric=st.sampled_from(["dot", "cosine"])) | (st.just({}) | buckets).map(
    lambda said: Sparse(element="binary", **said)
)
text_fields = st.builds(
    Sparse,
    encoder=st.builds(
        Bm25,
        paths,
        language=st.sampled_from([None, "english", "german"]),
        k1=st.floats(0, 5),
        b=st.floats(0, 1),
    ),
)
weighted_fields = st.builds(Sparse, idf=st.booleans(), tokens=st.booleans())
multi_fields = st.builds(
    Multi,
    st.integers(1, 1024).map(lambda eighths: 8 * eighths),
    metric=st.sampled_from(["dot", "cosine", "l2"]),
    element=st.sampled_from(Element),
    max_tokens=st.integers(1, 65_536),
    on_disk=st.booleans(),
)
coded_fields = st.builds(
    Multi,
    st.integers(9, 8192),
    element=st.sampled_from(["float16", "float32"]),
    codec=st.builds(Product, st.none() | st.integers(1, 9), rotation=st.sampled_from(["opq", None])),
)
fields = coded_fields | dense_fields() | sparse_fields | weighted_fields | text_fields | multi_fields
schemas = st.builds(
    CollectionSchema,
    st.dictionaries(names, fields, min_size=1, max_size=5),
    st.dictionaries(paths, st.sampled_from(FieldType), max_size=5),
    st.booleans(),
)


def sent(schema: CollectionSchema) -> pb.Schema:
    message = pb.Schema()
    put_schema(message, schema)
    return pb.Schema.FromString(message.SerializeToString())


@given(schemas)
def test_schemas_arrive_as_they_were_sent(schema: CollectionSchema) -> None:
    arrived = read_schema(sent(schema))
    assert arrived == schema
    assert arrived.to_json() == schema.to_json()
    assert list(arrived.vectors) == list(schema.vectors)
    assert list(arrived.fields) == list(schema.fields)


def test_whether_fields_declare_themselves_arrives() -> None:
    auto = CollectionSchema({"plot": Dense(8)}, auto=True)
    assert sent(auto).auto_fields
    for schema in (auto, auto.with_field("year", "integer"), auto.without_more_fields()):
        assert read_schema(sent(schema)) == schema
    assert auto != auto.without_more_fields()
    message = sent(auto)
    message.partitioned = True
    with pytest.raises(InvalidArgument, match="partitioned"):
        read_schema(message)


def test_every_choice_has_a_number_of_its_own() -> None:
    for choices, numbers in [
        (Element, ElementType.values()),
        (Metric, [number for number in pb.Metric.values() if number != pb.METRIC_MAXSIM]),
        (FieldType, pb.PayloadFieldType.values()),
    ]:
        # One more is the number of what was not said.
        assert len(list(choices)) == len(numbers) - 1


def test_the_index_may_be_left_out() -> None:
    message = sent(CollectionSchema({"plot": Dense(8)}))
    message.vectors[0].dense.index_json = ""
    assert read_schema(message) == CollectionSchema({"plot": Dense(8)})


def test_a_sparse_field_without_a_metric_is_of_the_dot() -> None:
    """Clients that know no other send none."""
    message = sent(CollectionSchema({"terms": Sparse(metric="cosine")}))
    message.vectors[0].sparse.metric = pb.METRIC_UNSPECIFIED
    assert read_schema(message) == CollectionSchema({"terms": Sparse()})


def test_a_multi_field_of_an_older_client_is_of_the_dot() -> None:
    message = sent(CollectionSchema({"tokens": Multi(8, metric="l2", max_tokens=5)}))
    message.vectors[0].multi.max_tokens = 0
    for metric in (pb.METRIC_UNSPECIFIED, pb.METRIC_MAXSIM):
        message.vectors[0].multi.metric = metric
        assert read_schema(message) == CollectionSchema({"tokens": Multi(8)})


def test_an_encoder_that_cannot_be_is_refused() -> None:
    for change in ({"text": "a..b"}, {"language": "klingon"}, {"k1": -1.0}, {"b": float("nan")}):
        message = sent(CollectionSchema({"body": Sparse(encoder=Bm25("body"))}))
        message.vectors[0].sparse.encoder.MergeFrom(pb.Bm25(**change))
        with pytest.raises(InvalidArgument):
            read_schema(message)


def dense(**changes: Any) -> pb.Schema:
    values = {"dim": 8, "metric": pb.METRIC_DOT, "element_type": ElementType.Value("ELEMENT_TYPE_FLOAT32")}
    field = pb.DenseField(**(values | changes))
    return pb.Schema(vectors=[pb.VectorField(name="plot", dense=field)])


def sparse(**changes: Any) -> pb.Schema:
    return pb.Schema(vectors=[pb.VectorField(name="terms", sparse=pb.SparseField(**changes))])


def fields(*named: tuple[str, int]) -> pb.Schema:
    message = dense()
    for path, kind in named:
        message.fields.add(path=path, type=kind)
    return message


def coded(codec_json: str) -> pb.Schema:
    multi = pb.MultiField(dim=8, element_type=1, codec_json=codec_json)
    return pb.Schema(vectors=[pb.VectorField(name="tokens", multi=multi)])


MALFORMED = {
    "nothing": pb.Schema(),
    "no kind": pb.Schema(vectors=[pb.VectorField(name="plot")]),
    "no name": pb.Schema(vectors=[pb.VectorField(sparse=pb.SparseField())]),
    "bad name": pb.Schema(vectors=[pb.VectorField(name="../plot", sparse=pb.SparseField())]),
    "a name twice": pb.Schema(vectors=[pb.VectorField(name="plot", sparse=pb.SparseField())] * 2),
    "too many": pb.Schema(
        vectors=[pb.VectorField(name=f"f{number}", sparse=pb.SparseField()) for number in range(33)]
    ),
    "no metric": dense(metric=0),
    "unknown metric": dense(metric=99),
    "hamming of floats": dense(metric=pb.METRIC_HAMMING),
    "no element type": dense(element_type=0),
    "unknown element type": dense(element_type=-1),
    "no dimensions": dense(dim=0),
    "too many dimensions": dense(dim=2**32 - 1),
    "unknown metric of sparse vectors": sparse(metric=99),
    "maxsim of sparse vectors": sparse(metric=pb.METRIC_MAXSIM),
    "multi without element type": pb.Schema(
        vectors=[pb.VectorField(name="tokens", multi=pb.MultiField(dim=8))]
    ),
    "multi of a metric of bits": pb.Schema(
        vectors=[pb.VectorField(name="tokens", multi=pb.MultiField(dim=8, element_type=1, metric=4))]
    ),
    "multi of too many tokens": pb.Schema(
        vectors=[pb.VectorField(name="tokens", multi=pb.MultiField(dim=8, element_type=1, max_tokens=2**17))]
    ),
    "multi of an unknown codec": coded('{"name":"nothing"}'),
    "multi of a codec for lists": coded('{"name":"product","bits":4}'),
    "multi of a codec that is no JSON": coded("product"),
    "multi of more parts than dimensions": coded('{"name":"product","m":9}'),
    "index is no JSON": dense(index_json="hnsw"),
    "index is a list": dense(index_json="[]"),
    "index without a name": dense(index_json="{}"),
    "index of an unknown name": dense(index_json='{"name":"nothing"}'),
    "index with an unknown parameter": dense(index_json='{"name":"hnsw","ef":16}'),
    "index out of range": dense(index_json='{"name":"hnsw","m":1000000000}'),
    "index named by a list": dense(index_json='{"name":["hnsw"]}'),
    "no type": fields(("year", 0)),
    "unknown type": fields(("year", 99)),
    "a path twice": fields(("year", 1), ("year", 2)),
    "bad path": fields(("year.", 1)),
}


@pytest.mark.parametrize("message", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_schemas_are_refused(message: pb.Schema) -> None:
    with pytest.raises(InvalidArgument) as caught:
        read_schema(message)
    assert caught.value.field is not None


@pytest.mark.parametrize("text", ['{"name":' + "[" * 50 + "]" * 50 + "}", '{"name":"' + "x" * 5000 + '"}'])
def test_an_index_is_described_in_few_words(text: str) -> None:
    with pytest.raises(LimitExceeded, match=r"the index of vectors\['plot'\]") as caught:
        read_schema(dense(index_json=text))
    assert caught.value.field == "vectors['plot']"


numbers = st.integers(-1, 7)
any_fields = st.one_of(
    st.builds(
        lambda name, field: pb.VectorField(name=name, dense=field),
        st.text(max_size=3),
        st.builds(
            pb.DenseField,
            dim=st.integers(0, 2**32 - 1),
            metric=numbers,
            element_type=numbers,
            index_json=st.sampled_from(["", "{}", "null", '{"name":"hnsw"}', '{"name":"flat"}', "{"]),
        ),
    ),
    st.builds(pb.VectorField, name=st.text(max_size=3), multi=st.builds(pb.MultiField, dim=numbers.map(abs))),
    st.builds(pb.VectorField, name=st.text(max_size=3)),
)


@given(
    st.builds(
        pb.Schema,
        vectors=st.lists(any_fields, max_size=3),
        fields=st.lists(st.builds(pb.PayloadField, path=st.text(max_size=3), type=numbers), max_size=3),
        partitioned=st.booleans(),
    )
)
def test_whatever_arrives_is_refused_or_a_schema(message: pb.Schema) -> None:
    with suppress(InvalidArgument):
        schema = read_schema(message)
        assert read_schema(sent(schema)) == schema
