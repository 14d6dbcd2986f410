"""What each RPC does with the engine.

Callers are let in before a handler runs.
"""
