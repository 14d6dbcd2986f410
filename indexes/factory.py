"""Specs out of the factory strings of faiss."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from .codecs.product import Product
from .codecs.protocol import CodecSpec
from .codecs.rabitq import RaBitQ
from .codecs.scalar import Scalar
from .codecs.transformed import Transformed
from .exact.flat import Flat
from .graph.hnsw import Hnsw
from .ivf.ivf import Ivf
from .protocol import IndexSpec
from .transforms.pca import Pca

_KNOWN = "IVF1024, HNSW32, Flat, PQ48x8, PQ64x4fs, OPQ16, PCA64, SQ8, SQ4, RaBitQ, RaBitQ4 and RFlat"
_OPENS = re.compile(r"IVF(\d+)|HNSW(\d*)|OPQ(\d+)(?:_\d+)?|PCA(\d+)")
_CODES: tuple[tuple[str, Callable[..., CodecSpec]], ...] = (
    (r"PQ(\d+)(?:x(4|8))?(fs|fsr)?", lambda m, bits, fast: Product(m=int(m), bits=_bits(bits, fast))),
    (r"SQ(4|8)", lambda bits: Scalar(int(bits))),
    (r"RaBitQ(\d?)(?:fs)?", lambda bits: RaBitQ(int(bits or 1))),
)


def index_factory(description: str) -> IndexSpec:
    """Return the spec that a factory string of faiss means, such as ``IVF1024,PQ48x8`` or ``HNSW32``.

    Candidates are always scored exactly, so ``RFlat`` at the end says nothing new.

    Raises
    ------
    ValueError
        A part is not understood or out of its place; the message names it.
    """
    if not isinstance(description, str):
        raise ValueError(f"description is {description!r:.80}; expected a string, as 'IVF1024,PQ48x8'")
    parts = [part.strip() for part in description.split(",")]
    if parts[-1] == "RFlat" and len(parts) > 1:
        parts.pop()
    rotated, reduced, index, place = False, None, None, 0
    while place < len(parts) and index is None and (found := _OPENS.fullmatch(parts[place])):
        lists, m, opq, pca = found.groups()
        if lists:
            index = ("ivf", int(lists))
        elif opq:
            rotated = True
        elif pca:
            reduced = int(pca)
        else:
            index = ("hnsw", int(m or 32))
        place += 1
    codec = _codec(description, parts[place:], rotated)
    if reduced is not None:
        codec = Transformed(Pca(reduced), codec or Scalar())
    return _spec(description, index, codec, rotated)


def _codec(description: str, rest: Sequence[str], rotated: bool) -> CodecSpec | None:
    if len(rest) > 1:
        raise ValueError(f"{description!r}: {rest[1]!r} stands where nothing is expected")
    if not rest or rest[0] == "Flat":
        return None
    for pattern, made in _CODES:
        if found := re.fullmatch(pattern, rest[0]):
            codec = made(*found.groups())
            if isinstance(codec, Product) and not rotated:
                return Product(m=codec.m, bits=codec.bits, rotation=None)
            return codec
    raise ValueError(f"{description!r}: {rest[0]!r} is not understood; known are {_KNOWN}")


def _spec(
    description: str, index: tuple[str, int] | None, codec: CodecSpec | None, rotated: bool
) -> IndexSpec:
    if rotated and not isinstance(codec, Product):
        raise ValueError(f"{description!r}: OPQ turns vectors for a PQ, which does not follow")
    given: dict[str, Any] = {"codec": codec}
    if index is None:
        if codec is not None:
            raise ValueError(f"{description!r}: codes alone are no index here; put IVF or HNSW before them")
        return Flat()
    kind, size = index
    # HNSW32 of faiss has 64 links in the lowest layer, as m has here.
    return Ivf(size, **given) if kind == "ivf" else Hnsw(m=size, **given)


def _bits(bits: str | None, fast: str | None) -> int:
    return int(bits) if bits else 4 if fast else 8
