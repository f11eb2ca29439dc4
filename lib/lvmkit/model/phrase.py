"""English words that a reader may get in another language: a str, so what is stored or sent of them is English."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Phrase(str):
    """A sentence with its facts filled in, which still knows both: Phrase("{server} (here)", server="n1").

    Whoever shows it asks view/language.py for worded(); to all others it is its English text.
    """

    template: str
    """what it is found by in a catalogue"""
    facts: Mapping[str, object]

    def __new__(cls, template: str, **facts: object) -> Phrase:
        """template: the sentence, a literal, with each fact's name in braces; braces of its own are doubled."""
        phrase = super().__new__(cls, template.format_map(facts))
        phrase.template, phrase.facts = template, facts
        return phrase

    @classmethod
    def joined(cls, parts: Iterable[str], separator: str) -> Phrase:
        """Several after one another, each of which may be one."""
        facts = {f"part{number}": part for number, part in enumerate(parts)}
        return cls(separator.join(f"{{{name}}}" for name in facts), **facts)
