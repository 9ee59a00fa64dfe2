"""Operators' commands: received from the server, run at most once, reported until the server has the result."""
