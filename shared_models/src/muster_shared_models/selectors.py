"""Selectors choose agents by live labels, skills and names: `env=prod,skill=ocr,name=build-*`.

    *              every agent
    key=value      the label `key` is `value`        key!=value   it is not, or is missing
    skill=value    the agent has the skill           name=glob    the name matches, `*` for anything
Terms are joined by commas and all must hold.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from muster_shared_models.problems import MusterError, Reason

__all__ = ["Selector", "parse_selector"]

#: A longer selector is a mistake, and parsing stays cheap.
MAX_LENGTH = 512


@dataclass(frozen=True, slots=True)
class Term:
    """One condition; `wanted` is False for `!=`."""

    key: str
    value: str
    wanted: bool


@dataclass(frozen=True, slots=True)
class Selector:
    """All terms must hold; no terms match every agent."""

    terms: tuple[Term, ...]

    def matches(self, name: str, labels: Mapping[str, str], skills: Collection[str]) -> bool:
        """Tell whether an agent with these facts is chosen."""
        return all(_holds(term, name, labels, skills) for term in self.terms)


def _holds(term: Term, name: str, labels: Mapping[str, str], skills: Collection[str]) -> bool:
    if term.key == "skill":
        return (term.value in skills) is term.wanted
    if term.key == "name":
        return fnmatchcase(name, term.value) is term.wanted
    return (labels.get(term.key) == term.value) is term.wanted


@lru_cache(maxsize=1024)
def parse_selector(text: str) -> Selector:
    """Return the selector that `text` spells; raises MusterError(INVALID_ADDRESS)."""
    if len(text) > MAX_LENGTH:
        raise MusterError(Reason.INVALID_ADDRESS, f"The selector has {len(text)} characters; {MAX_LENGTH} is the most.")
    if text.strip() == "*":
        return Selector(())
    return Selector(tuple(_term(part.strip()) for part in text.split(",")))


def _term(text: str) -> Term:
    key, sign, value = text.partition("!=") if "!=" in text else text.partition("=")
    if not sign or not key.strip() or not value.strip():
        raise MusterError(
            Reason.INVALID_ADDRESS,
            f"The selector term '{text}' is not of the form key=value or key!=value.",
            "Write for example env=prod,skill=ocr or * for every agent.",
        )
    return Term(key.strip(), value.strip(), wanted=sign == "=")
