"""LMDB: environments, their structure and state, checked before they are trusted.

Nothing here knows what a value means.
"""
