"""What the agent's owner allows it to do on this machine. Nothing that comes over the network loosens it."""
