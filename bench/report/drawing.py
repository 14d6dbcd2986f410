"""Pictures: recall against queries per second, and against storage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..comparison.pareto import pareto_front
from ..comparison.sweep import AtEffort, group_points
from ..extras import load_extra

# Okabe and Ito's colours, told apart by readers with any colour vision; markers differ as well.
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LEAST_RECALL = 0.7


@dataclass(frozen=True)
class StoragePoint:
    """Bytes a vector, recall, and the seconds of a query where it is an index that answers."""

    letter: str
    label: str
    bytes: float
    recall: float
    seconds: float | None
    on_front: bool


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


def draw_storage(points: Sequence[StoragePoint], title: str, path: Path) -> None:
    """Draw storage against recall, with the time of a query as colour, and write it as PNG.

    Codes by themselves are small grey points; of indexes those on the front have a dark edge.
    """
    backend = load_extra("matplotlib.backends.backend_agg")
    colours = load_extra("matplotlib.colors")
    figure = load_extra("matplotlib.figure").Figure(figsize=(9, 5.5), dpi=150, layout="constrained")
    backend.FigureCanvasAgg(figure)
    axes: Any = figure.add_subplot()
    alone = [one for one in points if one.seconds is None]
    axes.scatter([one.bytes for one in alone], [one.recall for one in alone], s=16, color="#999999")
    timed = [one for one in points if one.seconds is not None]
    drawn = axes.scatter(
        [one.bytes for one in timed],
        [one.recall for one in timed],
        c=[one.seconds * 1e6 for one in timed if one.seconds is not None],
        s=90,
        cmap="cividis",
        norm=colours.LogNorm(),
        edgecolors=["black" if one.on_front else "white" for one in timed],
        linewidths=1.6,
    )
    for one in points:
        text, size = (one.label, 6) if one.seconds is None else (one.letter, 9)
        axes.annotate(text, (one.bytes, one.recall), xytext=(6, 4), textcoords="offset points", fontsize=size)
    axes.set_xscale("log")
    axes.set_xlabel("bytes a vector in memory (grey: codes by themselves)")
    axes.set_ylabel("recall")
    axes.set_title(title, fontsize=10, loc="left")
    axes.grid(True, which="major", color="#cccccc", linewidth=0.8)
    figure.colorbar(drawn, ax=axes, label="microseconds a query")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
