"""What the client's methods do, as steps that either driver performs.

No network and no waiting lives here.
"""
