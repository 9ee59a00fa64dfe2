"""How far the state machines go: a short form, the same in every run, and a long one that `make chaos` asks for."""

from tests.machines.profiles import register

register()
