"""One object a kind of vector (dense, sparse, multi): how its vectors are checked, grown, sealed and read.

Nothing else matches on a kind.
"""
