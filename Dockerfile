# Serves the database in the volume /data. Like `vicinal serve` anywhere, it listens beyond loopback only with TLS and
# keys, or when `--insecure` is said, as compose.yaml does for a port that is published on this machine alone;
# docs/server.md shows both.
FROM python:3.12-slim AS build
# hnswlib is compiled where the registry has no wheel of it.
RUN apt-get update && apt-get install --yes --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
# Plain instructions: the image may run on another processor than the one that builds it.
RUN python -m venv /opt/vicinal && HNSWLIB_NO_NATIVE=1 /opt/vicinal/bin/pip install --no-cache-dir .

FROM python:3.12-slim
COPY --from=build /opt/vicinal /opt/vicinal
RUN useradd --create-home --uid 10001 vicinal && mkdir /data /cache && chown vicinal:vicinal /data /cache
USER vicinal
# Compiled kernels are kept in a volume, so that a new container does not compile them again.
ENV PATH=/opt/vicinal/bin:$PATH NUMBA_CACHE_DIR=/cache
VOLUME ["/data", "/cache"]
EXPOSE 7700 7701
STOPSIGNAL SIGTERM
ENTRYPOINT ["vicinal"]
CMD ["serve", "/data", "--host", "0.0.0.0", "--metrics-port", "7701"]
