"""Counting: points, and the values of payload fields over the points that a filter leaves.

Nothing here knows of vectors.
"""
