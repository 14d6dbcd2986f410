"""MUVERA: multi-vectors as one vector each, searched by a dense index, the best scored exactly."""
