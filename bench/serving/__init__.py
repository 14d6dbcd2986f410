"""The server and its clients under load, beside a bare gRPC echo and beside other servers.

The command itself is a measurement like the others.
"""
