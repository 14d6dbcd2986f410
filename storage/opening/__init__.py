"""Opening a database's folder: made, recognised, and its catalog checked before it is trusted.

What is held and locked lives in `folder`; whole databases are verified in `verify`.
"""
