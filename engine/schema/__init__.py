"""What a collection is declared to hold: its fields, their names, and the strict JSON they are kept as.

No data and no index lives here.
"""
