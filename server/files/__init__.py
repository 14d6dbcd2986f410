"""Files that `vicinal import` and `vicinal export` read and write.

Nothing here knows gRPC.
"""
