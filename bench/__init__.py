"""Recall and latency, measured alone and beside other engines, and the demo.

Nothing imports it: its commands come in as entry points.
"""
