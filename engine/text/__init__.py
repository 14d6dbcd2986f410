"""From texts to the terms that they are found by.

Nothing here knows how terms are stored or counted.
"""
