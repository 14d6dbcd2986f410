"""Verification of a whole database folder, in a process of its own.

Nothing here repairs.
"""
