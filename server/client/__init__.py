"""Clients that look like the embedded database, for threads and for asyncio, over one core.

They know the service by its messages alone, and load no index, no numba and no LMDB.
"""
