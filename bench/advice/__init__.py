"""What a user's own vectors say about codecs and indexes.

Everything is tried on a sample of them; nothing is guessed from the name of a model.
"""
