"""Load for a server: callers, loops, placement and what they used.

What is compared is the scenes' matter.
"""
