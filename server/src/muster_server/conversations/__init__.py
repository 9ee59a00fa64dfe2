"""Conversations: what people and agents say to each other, and the runs behind the answers."""
