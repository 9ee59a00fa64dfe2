"""Messages in: what to do with each delivery, and whose turn it is."""
