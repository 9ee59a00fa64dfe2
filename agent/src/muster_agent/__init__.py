"""Muster agent."""
