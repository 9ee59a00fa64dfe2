"""Gets what Muster needs and the machine lacks: a private queue server, packages, free ports."""
