"""The catalog's records, their keys and envelopes, over any ordered store of keys.

Nothing here knows LMDB.
"""
