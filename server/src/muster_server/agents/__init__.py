"""Agents: registration, heartbeats, presence."""
