"""What a collection is at the moment, and how it is read back from a catalog.

Writes reach it through operations alone.
"""
