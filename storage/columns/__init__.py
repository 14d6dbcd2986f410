"""Columns of points: ids, vectors, payloads, as they are kept and read back.

Nothing here opens a file.
"""
