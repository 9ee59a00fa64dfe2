"""What the embedded queue server decides, without any I/O."""
