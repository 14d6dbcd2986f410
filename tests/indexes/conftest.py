"""Kernels are held to the arrays that they are given, in every test of indexes."""

from written_behind import nothing_is_written_behind_arrays as nothing_is_written_behind_arrays
