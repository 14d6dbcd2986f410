"""The stores of a database that lives in memory alone.

Nothing here touches a file.
"""
