"""Transports that know no capability: HTTP, WebSocket, gRPC, authentication, how errors are told."""
