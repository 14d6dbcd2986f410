"""Which of the trials are worth a look, and which one to take."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .codec_trial import CodecTrial
from .field_trial import FieldTrial

# Codecs that graphs are built with, from the smallest: to build a graph takes most of the time.
MOST_CODECS = 4
# Of codecs whose bytes differ by less all but one tell the same.
ALIKE = 1.2
# An index can find a little less than the codes do by themselves.
SPARE_RECALL = 0.02
_UNITS = {
    "": 1,
    "k": 10**3,
    "m": 10**6,
    "g": 10**9,
    "t": 10**12,
    "ki": 2**10,
    "mi": 2**20,
    "gi": 2**30,
    "ti": 2**40,
}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?\s*", re.IGNORECASE)


def bytes_in(text: str) -> int:
    """Return the bytes that ``200MB`` or ``1.5GiB`` say; ValueError if it says none."""
    match = _SIZE.fullmatch(text)
    if match is None or match[2].lower() not in _UNITS:
        raise ValueError(f"{text!r} is no size; expected a number with a unit, such as 200MB or 1.5GiB")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def holds_enough(trial: CodecTrial, target: float) -> bool:
    """Return whether the rows that codes find, scored exactly, hold what an index is to find."""
    return trial.rescored >= min(target + SPARE_RECALL, 0.995)


def worth_indexing(trials: Sequence[CodecTrial], target: float) -> list[CodecTrial]:
    """Return codecs that no other beats in bytes and in what codes find by themselves, the smallest first.

    Finer codes need fewer exact scores. Those whose rows hold enough for the recall wanted, the smallest of
    them and then the finest of about as many bytes; the one whose rows hold most if none do.
    """
    front: list[CodecTrial] = []
    for trial in sorted(trials, key=lambda one: (one.row_bytes, -one.recall_10)):
        if not front or trial.recall_10 > front[-1].recall_10:
            front.append(trial)
    alike: list[list[CodecTrial]] = []
    for trial in front:
        if not holds_enough(trial, target):
            continue
        if not alike or trial.row_bytes >= ALIKE * alike[-1][0].row_bytes:
            alike.append([])
        alike[-1].append(trial)
    chosen = [group[0] for group in alike[:1]] + [group[-1] for group in alike[1:]]
    return chosen[:MOST_CODECS] or front[-1:]


def unbeaten(trials: Sequence[FieldTrial]) -> list[FieldTrial]:
    """Return the trials that no other one equals in memory, recall and time and beats in one of them."""

    def beats(one: FieldTrial, other: FieldTrial) -> bool:
        gains = (other.memory - one.memory, one.recall - other.recall, other.seconds - one.seconds)
        return min(gains) >= 0 and max(gains) > 0

    return [trial for trial in trials if not any(beats(other, trial) for other in trials)]


def meeting(trials: Sequence[FieldTrial], target: float, memory: float | None) -> list[FieldTrial]:
    """Return the trials that reach a recall in so many bytes a vector, the quickest first."""
    enough = [one for one in trials if one.recall >= target and (memory is None or one.memory <= memory)]
    return sorted(enough, key=lambda one: one.seconds)
