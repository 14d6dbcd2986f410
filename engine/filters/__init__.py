"""Filters: the expression, its notations, its binding to a schema and its evaluation over postings.

No segment is known here.
"""
