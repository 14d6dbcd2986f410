"""Codes: how vectors are made small, and what kernels read of them.

No index lives here.
"""
