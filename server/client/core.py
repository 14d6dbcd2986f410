"""What the blocking and the asynchronous client have in common: everything but waiting."""

from __future__ import annotations

from .calls.caller import Caller
from .endpoint.address import Address
from .operations.call_limits import ServerLimits
from .operations.database import DatabaseOperations
from .operations.facets import FacetOperations
from .operations.handle import CollectionHandle
from .operations.live_schema import LiveSchema
from .operations.points import PointOperations
from .operations.scores import ScoreOperations
from .operations.searching.search import SearchOperations
from .operations.tenants import TenantOperations
from .operations.tending import TendingOperations


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
    facets : FacetOperations
    searches : SearchOperations
    scores : ScoreOperations
    tending : TendingOperations
    tenants : TenantOperations
    schema : LiveSchema
    """

    def __init__(self, handle: CollectionHandle, caller: Caller, limits: ServerLimits) -> None:
        self.handle = handle
        self.schema = LiveSchema(handle, caller)
        self.points = PointOperations(handle, caller, limits, self.schema)
        self.facets = FacetOperations(handle, caller, self.schema)
        self.searches = SearchOperations(handle, caller, limits, self.schema)
        self.scores = ScoreOperations(handle, caller, limits, self.schema)
        self.tending = TendingOperations(handle, caller, self.schema)
        self.tenants = TenantOperations(handle, caller, limits, self.schema)
