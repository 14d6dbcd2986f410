"""What numba compiles, in one flat folder, whose sources together key the cache of compiled kernels.

Nothing here checks bounds or has state: whoever calls a kernel validates first.
"""
