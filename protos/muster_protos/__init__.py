"""The gRPC contract of Muster."""
