"""The rows that indexes read: dense, sparse, multi, with their elements, metrics, sets and neighbors.

No index lives here.
"""
