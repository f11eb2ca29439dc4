"""Numbered messages: everything the kit says has a number, a level, a text made of typed fields, and an action.

A message is a class; raising or reporting one means making an instance with the facts. The text is derived, so tests
compare numbers and facts. The class docstring is the cause that `lvmkit explain` prints. Numbers 000001-000030 and
110000-110009, with their texts, are those of the LVM Recovery Kit guide of 2006; ours begin at 110010.
"""

from __future__ import annotations

from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import ClassVar

INFO, WARN, ERROR, FATAL = "INFO", "WARN", "ERROR", "FATAL"

_MODULES = (
    "apply", "boot", "command", "engine", "extend", "faults", "filesystems", "guards", "guide", "lcdi", "lifekeeper",
    "mounts", "ownership", "pacemaker", "packages", "peer", "plans", "replication", "reservation", "service",
    "storage", "view", "watch",
)  # fmt: skip

# LCDI exit codes (LifeKeeper's LCDI manual pages, section "exit codes").
LCDI_OK, LCDI_SYSTEM, LCDI_SYNTAX, LCDI_INTERNAL, LCDI_EXISTS = 0, 1, 2, 3, 4
LCDI_ARGUMENT, LCDI_RANGE, LCDI_NO_OBJECT, LCDI_HAS_DEPENDENTS, LCDI_NO_COMMUNICATION = 5, 6, 7, 8, 9

# OCF return codes (OCF resource agent API 1.1).
OCF_SUCCESS, OCF_ERR_GENERIC, OCF_ERR_ARGS, OCF_ERR_UNIMPLEMENTED, OCF_ERR_PERM = 0, 1, 2, 3, 4
OCF_ERR_INSTALLED, OCF_ERR_CONFIGURED, OCF_NOT_RUNNING = 5, 6, 7


_ID_PREFIX = "dff674b1b9ff4661a7921776f9"
"""of all IDs of ours in the journal; drawn at random, as sd_id128(3) wants it"""
FACT_FIELD = "LVMKIT_FACT_{}"
"""the field of the journal that a fact of a message is in, by its name in capitals"""


class Message(Value):
    """Base of all numbered messages. A class gives its number in its head: class LvGone(Message, number=110040)."""

    number: ClassVar[int] = 0
    level: ClassVar[str] = ERROR
    template: ClassVar[str] = ""
    action: ClassVar[str] = ""
    script_exit: ClassVar[int] = 1
    lcdi_exit: ClassVar[int] = LCDI_SYSTEM
    ocf_exit: ClassVar[int] = OCF_ERR_GENERIC
    is_outcome: ClassVar[bool] = False
    """whether it says what a message before it led to: that one has the advice, and this one only where it is alone"""

    def __init_subclass__(cls, *, number: int = 0) -> None:
        super().__init_subclass__()
        if number:
            cls.number = number

    @property
    def text(self) -> str:
        """The sentence, with the facts filled in and control characters made harmless."""
        return self.filled(self.template)

    @property
    def advice(self) -> str:
        """What to do about it, with the facts filled in; empty when there is nothing to do."""
        return self.filled(self.action)

    @classmethod
    def journal_id(cls) -> str:
        """What the journal and its catalog know it by (MESSAGE_ID): 32 hexadecimal digits, the number at the end."""
        return f"{_ID_PREFIX}{cls.number:06d}"

    def in_words(self) -> dict[str, str]:
        """What it says, as JSON has it: number (six digits), level, text and advice."""
        return {"number": f"{self.number:06d}", "level": self.level, "text": self.text, "advice": self.advice}

    def filled(self, sentence: str) -> str:
        """A sentence with the facts in the places of their names."""
        return sentence.format_map({name: shown(value) for name, value in self.as_dict().items()})


class Note(Message):
    """Base of those that only say what happens."""

    level = INFO
    script_exit = lcdi_exit = ocf_exit = 0


class Caution(Message):
    """Base of those that say what may do harm later; the work goes on."""

    level = WARN
    script_exit = lcdi_exit = ocf_exit = 0


class Failure(Exception):
    """Work stopped for reasons that have numbers; the first message decides the exit code."""

    def __init__(self, *messages: Message) -> None:
        super().__init__(*messages)
        self.messages = messages

    def is_only(self, kind: type[Message]) -> bool:
        """Whether all its messages are of one kind."""
        return all(isinstance(message, kind) for message in self.messages)

    def __str__(self) -> str:
        return "; ".join(f"{message.number:06d} {message.text}" for message in self.messages)


def errors(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Those that are worse than a warning."""
    return tuple(message for message in messages if message.level == ERROR)


def raise_errors(messages: Iterable[Message]) -> None:
    """Raise Failure with those that are worse than a warning, where there are any."""
    serious = errors(messages)
    if serious:
        raise Failure(*serious)


def shown(value: object) -> str:
    """A field as a reader sees it: lists joined, nothing that could forge a second log line or move a cursor."""
    text = ", ".join(map(shown, value)) if isinstance(value, (tuple, list)) else str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def catalogue() -> dict[int, type[Message]]:
    """Every message class by its number."""
    from importlib import import_module

    kinds: dict[int, type[Message]] = {}
    for module in _MODULES:
        for item in vars(import_module(f"lvmkit.model.messages.{module}")).values():
            if isinstance(item, type) and issubclass(item, Message) and item.number:
                kinds[item.number] = item
    return dict(sorted(kinds.items()))
