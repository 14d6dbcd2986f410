"""HNSW: its specification, how it is built, stored, opened and walked.

Scans and codes live beside it.
"""
