"""Search algorithms: the protocols of rows, scans and indexes, and what implements them.

Arrays in, arrays out; no file, no lock and no collection is known here.
"""
