"""The loop of a model agent: ask, call, say. Pure: it decides, others do."""
