"""How anything is measured: timing, truth, machine, sweeps.

What is measured lives elsewhere.
"""
