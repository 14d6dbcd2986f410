"""The messages and services of version 1: `.proto` files, and what is generated from them.

No other code lives here, and no field number is used twice.
"""
