"""Performing an operation's steps, blocking or asynchronously.

Nothing here knows what is asked.
"""
