"""What `vicinal bench` measures: one file a command, which `cli.py` lists.

How anything is timed is the harness's matter.
"""
