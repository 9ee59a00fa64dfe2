"""What the broker decides, without any I/O."""
