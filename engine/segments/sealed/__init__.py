"""Segments that never change: how one is built, opened, viewed and filtered.

Nothing here decides when.
"""
