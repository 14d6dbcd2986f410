"""What is tried: every codec, and transforms in front of those that gain by them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points

import vicinal

from ...indexes.codecs.protocol import CodecSpec
from ...indexes.codecs.registry import ENTRY_POINT_GROUP
from ...indexes.protocol import FieldShape, IndexSpec

BITS = (1, 2, 4, 8)


def codecs(shape: FieldShape) -> list[CodecSpec]:
    """Return the codecs that such vectors can be coded with, those of other packages among them."""
    dim = shape.dim or 0
    tried: list[CodecSpec] = [
        vicinal.Float16(),
        vicinal.Float8(),
        vicinal.Scalar(bits=8),
        vicinal.Scalar(bits=4),
        *(vicinal.RaBitQ(bits=bits) for bits in BITS),
        vicinal.Product(),
        vicinal.Sign(),
        vicinal.RecurrentBinary(),
        vicinal.Transformed(vicinal.Rotation(), vicinal.Scalar(bits=4)),
    ]
    if dim >= 4:
        tried += [vicinal.Product(m=dim // 4), vicinal.Product(m=dim // 2, bits=4)]
        shorter = vicinal.Pca(dim // 2), vicinal.Truncation(dim // 2)
        behind: tuple[CodecSpec, ...] = vicinal.Float8(), vicinal.Scalar(bits=8), vicinal.RaBitQ(bits=4)
        tried += [vicinal.Transformed(half, codec) for half in shorter for codec in behind]
    return [spec for spec in (*tried, *_registered()) if _takes(spec, shape)]


def _registered() -> Iterator[CodecSpec]:
    """Return what other packages have registered, with its usual parameters."""
    for point in entry_points(group=ENTRY_POINT_GROUP):
        yield point.load()()


def _takes(spec: CodecSpec, shape: FieldShape) -> bool:
    try:
        spec.check(shape)
    except ValueError:
        return False
    return True


def in_nibbles(spec: CodecSpec) -> bool:
    """Return whether lists compare such codes in blocks, several times as fast as one by one."""
    return (isinstance(spec, vicinal.RaBitQ) and spec.bits == 1) or (
        isinstance(spec, vicinal.Product) and spec.bits == 4
    )


def fields(
    like: vicinal.Dense, in_graphs: Sequence[CodecSpec], in_lists: Sequence[CodecSpec]
) -> list[vicinal.Dense]:
    """Return fields for such vectors: scanned, in a graph, in lists by the first codec; on disk by all."""
    made: list[tuple[IndexSpec, bool]] = [
        (vicinal.Flat(), False),
        (vicinal.Hnsw(), False),
        *((vicinal.Ivf(codec=codec), False) for codec in in_lists[:1]),
        (vicinal.Hnsw(), True),
        *((vicinal.Hnsw(codec=codec), True) for codec in in_graphs),
        *((vicinal.Ivf(codec=codec), True) for codec in in_lists),
    ]
    return [
        vicinal.Dense(like.dim, metric=like.metric, element=like.element, index=index, on_disk=on_disk)
        for index, on_disk in made
    ]
