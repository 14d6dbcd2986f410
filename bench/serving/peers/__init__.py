"""Servers to compare with. Each file is loaded by its path, by an interpreter that has its client.

What they are asked, and when, is the matter of the scenes.
"""

# name: (file of the adapter, packages to install)
PEERS = {"milvus-lite": ("milvus_lite", "pymilvus milvus-lite"), "chroma": ("chroma", "chromadb")}
