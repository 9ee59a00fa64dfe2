"""Muster beside its peers: each peer with a small worker of its own, in a virtual environment of its own.

`celery_*` and `autogen_roles` run in the peers' environments, so they and `commands` import nothing of Muster.
"""
