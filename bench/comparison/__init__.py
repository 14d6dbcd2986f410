"""Engines side by side on one dataset: builds, sweeps, and the points they found.

What is asked of an engine is its peer's matter.
"""
