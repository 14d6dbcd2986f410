"""Cells, many clusters of all rows: built, measured, and searched under filters."""
