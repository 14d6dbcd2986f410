"""The gRPC service around one database: who calls, what is let in, what is answered.

No client is known here.
"""
