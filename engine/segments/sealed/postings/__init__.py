"""Filter postings of a sealed segment: roaring bitmaps by field and key, and sorted values."""
