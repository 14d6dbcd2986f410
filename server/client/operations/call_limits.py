"""What one call may ask of a server."""

from __future__ import annotations

from dataclasses import dataclass

from ....proto.v1.database_pb2 import GetLimitsRequest, GetLimitsResponse
from ...wire.methods import METHODS
from ..calls.call import Operation
from ..calls.caller import Caller
from .responses import parsed

_GET_LIMITS = METHODS["/vicinal.v1.DatabaseService/GetLimits"]
MESSAGE_BYTES = 4096
"""What a request has beside its rows, at most: names, options, lengths."""


@dataclass(frozen=True, slots=True)
class CallLimits:
    """What one call may ask of a server.

    Attributes
    ----------
    message_bytes : int
        Bytes of one request.
    points : int
        Points of one upsert, get or score.
    queries : int
        Queries of one search.
    results : int
        Results of one search, over all its queries.
    """

    message_bytes: int
    points: int
    queries: int
    results: int


class ServerLimits:
    """The limits of one server, asked for once, when they are first needed."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._known: CallLimits | None = None

    def get(self) -> Operation[CallLimits]:
        """Return the limits."""
        if self._known is None:
            request = GetLimitsRequest().SerializeToString()
            answer = yield from self._caller.call(_GET_LIMITS, request, harmless=True)
            limits = parsed(GetLimitsResponse, answer)
            # Threads that ask at the same time learn the same.
            self._known = CallLimits(
                limits.max_message_bytes, limits.max_points, limits.max_queries, limits.max_results
            )
        return self._known
