"""How much work a search does for a recall: measured tables and the queries they are measured by.

No index is known here.
"""
