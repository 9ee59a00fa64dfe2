"""Muster broker."""
