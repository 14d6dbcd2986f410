"""`vicinal health`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from .screen import console

EXIT_NOT_SERVING = 1


def health(
    address: Annotated[str, typer.Argument(metavar="HOST:PORT", help="The server.")] = "127.0.0.1:7700",
    tls: Annotated[
        bool, typer.Option("--tls", help="Speak TLS; trust whom this system trusts, or --ca.")
    ] = False,
    ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Speak TLS and trust this authority.")
    ] = None,
    cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificate to show, where the server asks for one.")
    ] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="Private key of that certificate.")] = None,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="How long to wait for an answer.")] = 3.0,
) -> None:
    """Ask a server whether it serves; exits with 0 when it does. Needs no key."""
    # What gRPC would write to the terminal is in the error it raises.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    # Loaded here, because most commands do without it.
    import grpc
    from grpc_health.v1 import health_pb2

    from ..client.calls.failed_calls import failed_call
    from ..client.endpoint.endpoint import checked_endpoint
    from ..client.endpoint.tls import Tls

    speaks_tls = tls or any((ca, cert, key))
    endpoint = checked_endpoint(address, None, Tls(ca, cert, key) if speaks_tls else None, False)
    target = str(endpoint.address)
    if endpoint.credentials is None:
        channel = grpc.insecure_channel(target)
    else:
        channel = grpc.secure_channel(target, endpoint.credentials)
    with channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            answer = check(health_pb2.HealthCheckRequest(), timeout=timeout)
        except grpc.RpcError as error:
            raise failed_call(error, endpoint, timeout).error from None
    state = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
    console.print(f"{target}: {state}", markup=False)
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        raise typer.Exit(EXIT_NOT_SERVING)
