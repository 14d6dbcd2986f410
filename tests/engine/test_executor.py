"""What a search leaves behind in the views it went through."""

from __future__ import annotations

import numpy as np

import vicinal
from vicinal import Dense


def test_kept_plans_are_bounded() -> None:
    matrix = np.random.default_rng(0).standard_normal((1500, 8)).astype(np.float32)
    with vicinal.open(":memory:") as db:
        collection = db.create_collection("c", Dense(8))
        collection.upsert(range(len(matrix)), matrix)
        collection.merge()
        for recall in np.linspace(0.5, 0.99, 600).tolist():
            collection.search(matrix[0], recall=recall)
        (view,) = collection._state.snapshot.views
        assert 0 < len(view.unfiltered.plans) <= 256
