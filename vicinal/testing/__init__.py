"""Suites that every index, codec and store passes, for those who write one: each is a class to subclass.

Needs pytest, and for stores hypothesis: ``pip install vicinal[testing]``. Nothing else imports it.
"""

import pytest

_SUITES = (
    "codec_conformance",
    "dense_index_conformance",
    "index_conformance",
    "multi_index_conformance",
    "segment_conformance",
    "sparse_index_conformance",
    "store_conformance",
)
pytest.register_assert_rewrite(*(f"{__name__}.{suite}" for suite in _SUITES))
