"""Arrow's columns as the columns of points, and back: through pyarrow, which is loaded when one is used.

Nothing here knows a schema, a file or a query.
"""
