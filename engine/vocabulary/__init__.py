"""The tokens of a vector field and their ids, as a collection keeps them.

Nothing here knows how vectors are searched.
"""
