"""The reader's language for what is shown. Numbers, levels and facts are the same in every language.

What is stored, logged or said to another server is English. A catalogue beside the library has the sentences of
messages and of the command line in another language (gettext's form, made from share/locale); what is not in it is
shown in English.
"""

from __future__ import annotations

import os

from lvmkit.model.messages import shown
from lvmkit.model.phrase import Phrase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from lvmkit.model.messages import Message
    from lvmkit.peer.answers import Finding

DOMAIN = "lvmkit"
FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "locale")
"""<language>/LC_MESSAGES/lvmkit.mo are below it; a checkout has none"""


def languages(environment: Mapping[str, str]) -> list[str]:
    """The languages that a reader wants rather than English, the best first, by the rules of gettext(3).

    None where the locale's characters are not UTF-8: such a terminal could not show all of them.
    """
    locale = next(filter(None, map(environment.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "C")
    name, _, characters = locale.partition(".")
    if name in ("C", "POSIX") or characters.lower() not in ("utf-8", "utf8"):
        return []
    wanted = []
    for each in (environment.get("LANGUAGE") or name).split(":"):
        if each.startswith("en"):
            break
        if each and "/" not in each:  # it becomes a part of a path
            wanted.append(each)
    return wanted


def translated(sentence: str) -> str:
    """A sentence in the reader's language."""
    wanted = languages(os.environ) if sentence else []
    if not wanted:
        return sentence
    from gettext import translation  # nobody who reads English pays for it
    from struct import error as cut_short

    try:
        return translation(DOMAIN, FOLDER, wanted, fallback=True).gettext(sentence)
    except (OSError, ValueError, cut_short):  # a damaged file must not hide what is to be said
        return sentence


def worded(words: object) -> str:
    """A phrase in the reader's language; a name, a number or what others have said as it is, made harmless."""
    if isinstance(words, (tuple, list)):
        return ", ".join(map(worded, words))
    if not isinstance(words, Phrase):
        return shown(words)
    facts = {name: worded(fact) for name, fact in words.facts.items()}
    return translated(words.template).format_map(facts)


def text_of(message: Message) -> str:
    """What the message says."""
    return _filled(message, message.template)


def advice_of(message: Message) -> str:
    """What to do about it."""
    return _filled(message, message.action)


def _filled(message: Message, sentence: str) -> str:
    if not languages(os.environ):
        return message.filled(sentence)
    facts = {name: worded(fact) for name, fact in message.as_dict().items()}
    return translated(sentence).format_map(facts)


def in_words(message: Message) -> dict[str, str]:
    """As Message.in_words()."""
    return {**message.in_words(), "text": text_of(message), "advice": advice_of(message)}


def finding_in_words(finding: Finding) -> dict[str, str]:
    """The same of a finding. One that this version of the kit does not know has its own words."""
    words = {"number": finding.number, "level": finding.level, "text": finding.text, "advice": finding.advice}
    if not languages(os.environ):
        return words
    from lvmkit.model.messages import catalogue

    try:
        return in_words(catalogue()[int(finding.number)](**dict(finding.facts)))
    except (LookupError, ValueError, TypeError):
        return words
