"""Vectors put together around centroids: what lists and codebooks are made of."""
