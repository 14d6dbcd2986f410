"""One call of ``search``, from what the caller said to the hits it gets: in stages, under filters, by groups.

Nothing here knows how a segment is searched.
"""
