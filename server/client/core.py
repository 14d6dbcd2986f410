"""What the blocking and the asynchronous client have in common: everything but waiting."""

from __future__ import annotations

from .address import Address
from .call_limits import ServerLimits
from .caller import Caller
from .database_operations import DatabaseOperations
from .handle import CollectionHandle
from .point_operations import PointOperations
from .search_operations import SearchOperations
from .tending_operations import TendingOperations


class DatabaseCore:
    """The operations of one database, and those of its collections.

    Attributes
    ----------
    address : Address
    database : DatabaseOperations
    """

    def __init__(self, address: Address, caller: Caller) -> None:
        self.address = address
        self.database = DatabaseOperations(address, caller)
        self._caller = caller
        self._limits = ServerLimits(caller)

    def collection(self, handle: CollectionHandle) -> CollectionCore:
        """Return the operations of one collection."""
        return CollectionCore(handle, self._caller, self._limits)


class CollectionCore:
    """The operations of one collection.

    Attributes
    ----------
    handle : CollectionHandle
    points : PointOperations
    searches : SearchOperations
    tending : TendingOperations
    """

    def __init__(self, handle: CollectionHandle, caller: Caller, limits: ServerLimits) -> None:
        self.handle = handle
        self.points = PointOperations(handle, caller, limits)
        self.searches = SearchOperations(handle, caller, limits)
        self.tending = TendingOperations(handle, caller)
