"""What operators and tools look at: health, metrics, reflection.

Nothing here changes an answer.
"""
