"""Muster server."""
