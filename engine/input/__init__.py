"""What callers hand in, checked and made into arrays: ids, vectors, queries, options.

Nothing here reads a collection.
"""
