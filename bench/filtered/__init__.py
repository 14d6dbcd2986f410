"""Filters of every selectivity, correlation and shape over one dataset, with what passes them known.

An order of the rows makes filters of every selectivity, each of which passes the first so many rows; payloads
are made so that a filter of each shape passes just those.
"""
