"""Columns, schemas and errors as messages, and back, for the service and the clients.

Nothing here sends, waits or checks rights.
"""
