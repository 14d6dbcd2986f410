"""Where a server is and how it is reached: address, channel options, TLS.

No call is made here.
"""
