"""How postings are called in a segment file: keys of sets of rows, and names of arrays.

A field has these sets of rows, all optional, serialized::

    p                         rows whose payload has the field
    n                         rows of which it, or a value in its list, is null
    = value                   keyword and bool fields: rows with this value (text as UTF-8; true, false)
    # BLAKE2b-32 of value     the same for a text of more than 255 bytes

Ordered fields have the arrays ``posting.FIELD.value`` (m,) ascending, int64 or float64, and
``posting.FIELD.row`` (m,) uint32, one pair for each value of each row, equal values by row. From
``BUCKETS_FROM`` pairs on they are cut into ``BUCKETS`` of equal length, the last of which may be shorter.
Where no row has two values, ``posting.FIELD.bucket`` (n,) uint8 says in which each row is, from 1 on, 0 for
none: a wide range is a comparison of those and two short ends. Uuid fields have values and rows, the values
being (m, 16) uint8, big endian, and no buckets. Keyword fields have those of ``keywords``, text fields
those of ``words``, and for words that many texts have the sets ``w number, u32 big endian`` of texts. Geo
fields have those of ``places``.

Every field has ``posting.FIELD.sized`` (c,) uint32, the rows with another number of values than one,
ascending, and ``posting.FIELD.size`` (c,) uint32, how many. Segments of earlier versions have neither these
nor keywords, and buckets as sets of rows, ``b`` and two bytes, which nobody reads any more.

For each path that fields lie under, ``posting.PATH[].owner`` (e,) uint32 is the row of each object in the
lists there, ascending, and the fields of the objects have all of this under ``PATH[].FIELD``, with the
numbers of objects for rows. Segments of earlier versions have none of it.
"""

from __future__ import annotations

from hashlib import blake2b

from ....filters.canonical import Canonical

ARRAYS = "posting."
"""How the names of the arrays begin."""
PRESENT = b"p"
NULL = b"n"
VALUE = b"="
LONG_VALUE = b"#"
BUCKETS_FROM = 16_384
BUCKETS = 255
"""So that a byte can say which, or that it is none."""
_MAX_VALUE_BYTES = 255


def array_name(path: str, name: str) -> str:
    """Return the name of one array of a field."""
    return f"{ARRAYS}{path}.{name}"


def element_path(path: str, field: str | None = None) -> str:
    """Return what the objects in the lists at a path, or a field of them, are called."""
    return f"{path}[]" if field is None else f"{path}[].{field}"


def bucket_size(n: int) -> int:
    """Return how many of ``n`` pairs are in a bucket."""
    return max(-(-n // BUCKETS), 1)


def value_key(value: Canonical) -> bytes:
    """Return the key of the rows with a text or a bool."""
    if isinstance(value, bool):
        return VALUE + (b"true" if value else b"false")
    encoded = str(value).encode()
    if len(encoded) > _MAX_VALUE_BYTES:
        return LONG_VALUE + blake2b(encoded, digest_size=32).digest()
    return VALUE + encoded
