"""The bus: one contract (`bus.py`), three ways to a queue server (`amqp/`, `embedded/`, `relay/`)."""
