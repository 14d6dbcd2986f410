"""`vicinal bench server`: the server and its clients, beside a bare gRPC echo and beside other servers."""
