"""What a search asks for and what it answers, as messages.

Nothing here knows of points that are written.
"""
