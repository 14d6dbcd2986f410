"""The folder of a database: held, locked, made and recognised.

What is in its files is read elsewhere.
"""
