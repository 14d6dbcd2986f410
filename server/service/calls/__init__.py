"""A call from its first byte to its log line, on the server's threads.

What it answers is the handlers' matter.
"""
