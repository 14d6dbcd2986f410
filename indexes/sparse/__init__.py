"""Indexes of sparse vectors: their specifications, how each is built, stored, opened and searched.

Scans of sparse rows live in `exact`.
"""
