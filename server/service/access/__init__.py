"""Who calls and what they may: keys, principals, rights.

Nothing here counts or slows callers.
"""
