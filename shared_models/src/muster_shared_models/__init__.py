"""Pydantic models that two or more of Muster's components exchange."""
