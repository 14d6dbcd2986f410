"""Generated arrays, kept in files under a name that changes with the code that makes them."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def made_once(name: str, folder: Path, source: str, make: Callable[[Path], None]) -> Path:
    """Return the folder of that name below ``folder``, which is filled if it is not there yet.

    Parameters
    ----------
    name : str
        What is made.
    folder : Path
        Where it is kept; made when it does not exist.
    source : str
        The file with the code that makes it, by whose content the folder is named too.
    make : callable
        Fills an empty folder. One that it does not finish is removed.
    """
    written_by = hashlib.blake2b(Path(source).read_bytes(), digest_size=4).hexdigest()
    place = folder / f"{name}-{written_by}"
    if not place.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=f"{name}-") as unfinished:
            within = Path(unfinished) / "arrays"
            within.mkdir()
            make(within)
            shutil.move(within, place)
    return place
