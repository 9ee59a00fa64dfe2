"""Muster cli."""
