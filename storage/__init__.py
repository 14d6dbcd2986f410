"""Bytes: atomic commits, files that verify themselves, columns, on disk or in memory.

No query and no index is known here.
"""
