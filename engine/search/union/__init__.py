"""Several segments searched as one: what is asked of each, and their answers merged."""
