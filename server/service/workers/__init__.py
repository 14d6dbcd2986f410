"""One database served by several processes: a writer that owns it, workers that read beside it.

What one process does with a call is in the packages below.
"""
