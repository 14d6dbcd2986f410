"""Tables, drawings and records of what was measured.

Nothing here measures.
"""
