"""Points in a terminal: a letter each, over a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

WIDTH, HEIGHT = 64, 12
_MARGIN = 8


def plotted(points: Sequence[tuple[float, float, str]], across: str, upwards: str) -> list[str]:
    """Draw points of (x, y, letter) as lines of text, the logarithm of x to the right.

    Where several fall on one place the last one is seen.
    """
    logs = [math.log(x) for x, _, _ in points]
    heights = [y for _, y, _ in points]
    left, right, bottom, top = min(logs), max(logs), min(heights), max(heights)
    cells = [[" "] * WIDTH for _ in range(HEIGHT)]
    for log, (_, y, letter) in zip(logs, points, strict=True):
        column = round((log - left) / ((right - left) or 1.0) * (WIDTH - 1))
        line = round((top - y) / ((top - bottom) or 1.0) * (HEIGHT - 1))
        cells[line][column] = letter
    marks = {0: f"{top:.3f}", HEIGHT - 1: f"{bottom:.3f}"}
    drawn = [
        f"{marks.get(number, ''):>{_MARGIN - 2}} |{''.join(line).rstrip()}"
        for number, line in enumerate(cells)
    ]
    ends = f"{math.exp(left):,.0f}", f"{math.exp(right):,.0f}"
    scale = ends[0] + across.center(WIDTH - len(ends[0]) - len(ends[1])) + ends[1]
    return [
        f"{upwards:>{_MARGIN - 2}}",
        *drawn,
        " " * (_MARGIN - 1) + "+" + "-" * WIDTH,
        " " * _MARGIN + scale,
    ]
