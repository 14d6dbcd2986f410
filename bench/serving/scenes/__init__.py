"""The scenes of `vicinal bench server`, one file each.

Load is made elsewhere.
"""
