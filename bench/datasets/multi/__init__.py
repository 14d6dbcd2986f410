"""Multi-vectors to measure with: read from a folder, or generated."""
