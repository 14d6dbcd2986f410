"""Sizes, times and counts as people read them."""

from __future__ import annotations


def human_bytes(count: int) -> str:
    """Return a size in the decimal units disks are sold in, such as ``"46.1 MB"``."""
    if count < 1000:
        return f"{count} bytes"
    size = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        size /= 1000
        if size < 999.95 or unit == "TB":
            break
    return f"{size:.1f} {unit}"


def human_seconds(seconds: float) -> str:
    """Return a duration with three digits at most, such as ``"35 us"``, ``"4.2 ms"`` or ``"3 min 20 s"``."""
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} us"
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"
