"""Commands: pushed to agents, run there, their output and result."""
