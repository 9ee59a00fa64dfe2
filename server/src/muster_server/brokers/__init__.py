"""Brokers: the router processes."""
