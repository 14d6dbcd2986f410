"""One call: its deadline, its retries, and what became of it when it fails.

Nothing here knows what is asked.
"""
