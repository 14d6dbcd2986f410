"""How a database comes to be open: on a folder or in memory, for writing or for reading beside a writer."""
