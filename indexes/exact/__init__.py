"""Exact answers: a scan for each kind of rows, and the flat index that is one.

Nothing here approximates.
"""
