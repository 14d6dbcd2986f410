"""From a request to its hits: plan, execution, pages and reads of single points.

Nothing here writes.
"""
