"""The embedded queue server: queues inside the server's process, journalled in SQLite. A confirm means on disk."""
