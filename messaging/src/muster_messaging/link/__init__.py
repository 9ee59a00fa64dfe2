"""How brokers and agents reach the server over gRPC and prove who they are: pinned TLS, a key of one's own, errors."""
