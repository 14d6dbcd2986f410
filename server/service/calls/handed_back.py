"""The end of a call that another process of the server answered."""

from __future__ import annotations

import grpc


class HandedBack(Exception):
    """A call failed where it was handed on to, and its caller is told that as it came.

    Attributes
    ----------
    status : grpc.Status
        Code, message and details.
    request_id : str
        What the log of the other process and the details name the call.
    """

    def __init__(self, status: grpc.Status, request_id: str) -> None:
        super().__init__(status.details)
        self.status = status
        self.request_id = request_id
