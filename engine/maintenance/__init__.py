"""Work between writes: merging, indexing, calibrating, and when each is due.

No caller waits for it unless it asks to.
"""
