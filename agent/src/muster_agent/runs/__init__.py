"""A run as the agent lives it: what it said and did, told to the server in few messages, ended exactly once."""
