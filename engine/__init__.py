"""The database that a program holds: collections, writes, searches, and the upkeep behind them.

Bytes are the matter of storage, algorithms that of indexes; nothing here knows gRPC.
"""
