"""How a process of a server is started: by its supervisor, and never by hand."""

from __future__ import annotations

import os
import sys
from multiprocessing.connection import Connection


def main() -> int:
    """Serve as the part that the connection of the first argument tells."""
    # gRPC tells in the errors it raises, and to who sets this, what it would write to the terminal.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    connection = Connection(int(sys.argv[1]))
    part = connection.recv()
    from .part_process import PartProcess

    return PartProcess(connection, part).run()


if __name__ == "__main__":
    sys.exit(main())
