"""Suites that every index, codec and store passes, for those who write one: each is a class to subclass.

Needs pytest, and for stores hypothesis: ``pip install vicinal[testing]``. Nothing else imports it.
"""

import pytest

pytest.register_assert_rewrite(
    *(f"{__name__}.{suite}" for suite in ("index_conformance", "segment_conformance", "store_conformance"))
)
