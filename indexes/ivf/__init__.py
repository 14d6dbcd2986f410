"""Inverted lists: how they are made, stored, opened and searched.

Codecs and clustering live beside it.
"""
