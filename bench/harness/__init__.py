"""How anything is measured: timing, truth, the machine, a database with the data in it.

What is measured lives elsewhere.
"""
