"""What `vicinal bench` measures, one file a measurement.

How anything is timed is the harness's matter.
"""
