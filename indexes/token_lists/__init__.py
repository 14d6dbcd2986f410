"""Lists of tokens around centroids: the first stage of a search of multi-vectors."""
