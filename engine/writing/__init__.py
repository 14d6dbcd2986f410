"""The one thread that writes, and the operations it commits.

Nothing here searches.
"""
