"""Segment files: written once, mapped, checked, listed and removed.

Nothing here knows a collection.
"""
