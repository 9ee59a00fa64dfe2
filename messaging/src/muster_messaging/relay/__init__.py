"""The bus through the server's gRPC port: `service.py` in the server, `client.py` in brokers and agents."""
