"""What a search sees of a collection: snapshots of segments, their views, bitmaps and sizes.

Nothing here plans or writes.
"""
