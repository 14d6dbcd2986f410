"""Linear maps in front of codecs.

No codec lives here.
"""
