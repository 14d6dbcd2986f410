"""`vicinal demo` and the sample that it searches.

Measurements live beside it.
"""
