"""What operators and tools look at: health, metrics, reflection, audits of recall.

Nothing here changes an answer.
"""
