"""The wire format, one folder a version.

Nothing here is used by the embedded database.
"""
