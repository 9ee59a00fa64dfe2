"""Models: one protocol, one vendor a file, and the loop that lets a model answer a message."""
