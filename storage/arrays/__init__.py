"""Arrays in files: alignment, headers, tables of them, and files mapped into memory.

Nothing here knows what an array holds.
"""
