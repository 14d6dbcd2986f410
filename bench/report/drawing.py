"""The picture of a run: recall against queries per second."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..comparison.pareto import pareto_front
from ..comparison.sweep import AtEffort, group_points
from ..extras import load_extra

# Okabe and Ito's colours, told apart by readers with any colour vision; markers differ as well.
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LEAST_RECALL = 0.7


def draw_fronts(points: Sequence[AtEffort], title: str, k: int, path: Path) -> None:
    """Draw the front of every engine and write it as PNG.

    Parameters
    ----------
    points : sequence of AtEffort
        All points of a run.
    title : str
        Line over the picture.
    k : int
        For the label of the recall axis.
    path : Path
        File to write.
    """
    backend = load_extra("matplotlib.backends.backend_agg")
    figure = load_extra("matplotlib.figure").Figure(figsize=(9, 5.5), dpi=150, layout="constrained")
    backend.FigureCanvasAgg(figure)
    axes: Any = figure.add_subplot()
    lowest = 1.0
    for place, (peer, builds) in enumerate(group_points(points).items()):
        front = pareto_front(point for several in builds.values() for point in several)
        shown = [point for point in front if point.recall >= LEAST_RECALL] or front
        lowest = min(lowest, shown[0].recall)
        recalls, speeds = [point.recall for point in shown], [1 / point.seconds for point in shown]
        colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
        width = 2.6 if peer == "vicinal" else 1.6
        axes.plot(recalls, speeds, color=colour, marker=marker, markersize=5, linewidth=width, label=peer)
        axes.annotate(
            peer,
            (recalls[0], speeds[0]),
            xytext=(-6, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            color=colour,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.8},
            fontweight="bold" if peer == "vicinal" else "normal",
        )
    axes.set_yscale("log")
    axes.set_xlim(lowest - 0.12 * (1.005 - lowest), 1.002)
    axes.set_xlabel(f"recall@{k}")
    axes.set_ylabel("queries per second")
    axes.set_title(title, fontsize=10, loc="left")
    axes.grid(True, which="major", color="#cccccc", linewidth=0.8)
    axes.grid(True, which="minor", axis="y", color="#eeeeee", linewidth=0.5)
    axes.legend(loc="lower left", frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
