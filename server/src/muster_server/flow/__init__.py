"""Messages out of the database onto the bus (outbox), and off the bus into the database (inbox)."""
