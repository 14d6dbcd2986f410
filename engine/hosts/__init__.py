"""What a database stands on: a process that writes, or one that follows another.

No collection logic lives here.
"""
