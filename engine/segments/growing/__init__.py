"""The segment that takes writes: rows in memory, and views of it that stay as they were.

Sealed rows live beside it.
"""
