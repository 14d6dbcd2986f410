from __future__ import annotations

import pytest

from vicinal.server.cli.units import human_bytes, human_seconds


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (46_080_128, "46.1 MB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (3 * 10**9, "3.0 GB"),
        (5 * 10**15, "5000.0 TB"),
    ],
)
def test_bytes(count: int, text: str) -> None:
    assert human_bytes(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 us"),
        (35e-6, "35 us"),
        (0.00416, "4.16 ms"),
        (0.0415, "41.5 ms"),
        (0.25, "250 ms"),
        (9.84, "9.8 s"),
        (200.2, "3 min 20 s"),
    ],
)
def test_seconds(seconds: float, text: str) -> None:
    assert human_seconds(seconds) == text
