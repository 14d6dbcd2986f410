"""fastembed: no index, but encodings as MUVERA makes them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..datasets.dataset import Floats

K_SIM, D_PROJ, REPETITIONS = 5, 16, 20
"""The hyperplanes, dimensions and repetitions it uses unless told otherwise: 10,240 dimensions."""


class FastembedEncoder:
    """Encodes one document at a time."""

    name = "fastembed"

    def __init__(self, dim: int) -> None:
        library: Any = import_module("fastembed.postprocess")
        self._encoder = library.Muvera(dim=dim, k_sim=K_SIM, dim_proj=D_PROJ, r_reps=REPETITIONS)

    def encoded(self, document: Floats) -> Floats:
        """Return the encoding of a document, (tokens, dim)."""
        made: Floats = self._encoder.process_document(document)
        return made
