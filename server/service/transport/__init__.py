"""Sockets: listening, TLS, certificates, options of gRPC.

Nothing here knows a call.
"""
