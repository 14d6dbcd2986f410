"""What searches send, and what they make of the answers.

Nothing here knows of points that are written.
"""
