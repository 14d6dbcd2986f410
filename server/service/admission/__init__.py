"""Whether a call is let in now: rates, memory, places, disk.

Who calls is decided elsewhere.
"""
