"""Muster's broker: the router process. It decides which queue a message goes to."""
