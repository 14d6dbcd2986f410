"""Tenants: their names, numbers and what they may see.

No vector and no index is known here.
"""
