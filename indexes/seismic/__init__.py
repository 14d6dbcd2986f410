"""Blocks of similar sparse rows, and the automatic choice between them and exact postings.

Exact postings live in `sparse`.
"""
