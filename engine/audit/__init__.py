"""Searches repeated exactly in the background: what recall they had, and how much harder others have to try.

No search waits for it.
"""
