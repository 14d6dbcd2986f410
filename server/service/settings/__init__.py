"""What a server is told when it starts: settings and limits, checked.

Nothing here changes while it runs.
"""
