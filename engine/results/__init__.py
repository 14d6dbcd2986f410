"""What calls answer: hits, points, explanations, infos; dataclasses only.

Nothing here computes.
"""
