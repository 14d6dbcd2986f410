"""Growing a graph over rows: links, kept or new, from each node to near ones."""
