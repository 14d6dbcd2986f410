"""A database for other processes: the service, its clients, the command line, files in and out.

What a call computes is the matter of the engine.
"""
