"""What one kit can ask of another, or order: each a value whose fields are checked by the far end.

This is all that the far end offers. Questions change nothing.
"""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.model.messages.peer import RequestRefused
from lvmkit.model.servers import LOWEST_PRIORITY
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar

    Check = Callable[[object], bool]


class Request(Value):
    """Base of all. name: the word for it on the wire."""

    name: ClassVar[str] = ""
    is_order: ClassVar[bool] = False

    @property
    def subject(self) -> str:
        """What it is about, for the log: its first field; '' where it has none."""
        first = next(iter(self.as_dict().values()), "")
        return first[0] if isinstance(first, tuple) else str(first)


class AskBystanders(Request):
    """Who would keep these tags, which leave together, from going out of service on your server?"""

    name = "bystanders"
    tags: tuple[str, ...]


class AskAdmission(Request):
    """What do your disks say against starting the volume groups with these tags on your server?

    hurt: those that have lost disks where they are up.
    """

    name = "admission"
    tags: tuple[str, ...]
    hurt: tuple[str, ...]


class AskReadiness(Request):
    """Can the hierarchy of a tag be extended to you? priority 0: the next lower one.

    with_steps: say also what would be done, and what the cluster would do at once.
    """

    name = "readiness"
    tag: str
    template: str
    """the server whose hierarchy it is"""
    priority: int
    with_steps: bool


class AskContents(Request):
    """What does the volume group of a tag consist of, as your server sees it? The answer is a digest of it."""

    name = "contents"
    tag: str


class AskFindings(Request):
    """What does your doctor find on your server?"""

    name = "findings"


class AskDeeds(Request):
    """What has your server started, stopped and moved lately?"""

    name = "deeds"


class OrderExtend(Request):
    """Extend the hierarchy of a tag to you. priority 0: the next lower one."""

    name = "extend"
    is_order = True
    tag: str
    template: str
    priority: int


class OrderUnextend(Request):
    """Take yourself from the hierarchy of a tag."""

    name = "unextend"
    is_order = True
    tag: str


class OrderReconfigure(Request):
    """Make the hierarchy of a volume group's tag follow the group, on your server only.

    contents: what the group must consist of, as AskContents has it; '': whatever is there.
    """

    name = "reconfigure"
    is_order = True
    tag: str
    contents: str


class OrderForget(Request):
    """Take volume groups that are not protected any more off your list."""

    name = "forget"
    is_order = True
    groups: tuple[str, ...]


class OrderFreeLock(Request):
    """Free the cluster's admin lock, where it is a killed process of yours that has left it."""

    name = "free-lock"
    is_order = True


class OrderRun(Request):
    """Run a program of a kit on your server, and say what it printed.

    Of the words the first is the program; which ones are run storage/offered.py says. timeout: seconds.
    """

    name = "run"
    is_order = True
    words: tuple[str, ...]
    timeout: int


_KINDS: tuple[type[Request], ...] = (
    AskBystanders,
    AskAdmission,
    AskReadiness,
    AskContents,
    AskFindings,
    AskDeeds,
    OrderExtend,
    OrderUnextend,
    OrderReconfigure,
    OrderForget,
    OrderFreeLock,
    OrderRun,
)
REQUESTS = {kind.name: kind for kind in _KINDS}


def read_request(name: object, facts: object) -> Request:
    """The request of this name with these facts, as JSON has them. Raises Failure (110270) where it is none."""
    kind = REQUESTS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise Failure(RequestRefused(f"{name!r} is no question and no order"))
    if not isinstance(facts, dict) or facts.keys() != set(kind._fields):
        raise Failure(RequestRefused(f"'{kind.name}' takes {', '.join(kind._fields) or 'no facts'}"))
    return kind(**{field: _checked(field, value) for field, value in facts.items()})


def _checked(field: str, value: Any) -> Any:  # noqa: ANN401 - JSON
    """The value of a field, a list as a tuple. Raises Failure (110270)."""
    if not _CHECKS[field](value):
        raise Failure(RequestRefused(f"{field} cannot be {str(value)[:_LONGEST_SHOWN]!r}"))
    return tuple(value) if isinstance(value, list) else value


def _text(fits: Callable[[str], bool]) -> Check:
    """For one text of a form."""
    return lambda value: isinstance(value, str) and fits(value)


def _texts(fits: Callable[[str], bool], least: int = 1) -> Check:
    """For a list of so many such texts, or more."""
    return lambda value: isinstance(value, list) and len(value) >= least and all(map(_text(fits), value))


def _is_priority(value: object) -> bool:
    return type(value) is int and 0 <= value <= LOWEST_PRIORITY


LONGEST_TIMEOUT = 86400
"""seconds"""
_LONGEST_SHOWN = 100
_LONGEST_WORD = 128 * 1024
"""bytes of one argument (execve(2), MAX_ARG_STRLEN)"""
_CHECKS: dict[str, Check] = {
    "tags": _texts(names.is_tag),
    "hurt": _texts(names.is_tag, least=0),
    "tag": _text(names.is_tag),
    "contents": _text(lambda digest: digest == "" or digest.isalnum()),
    "template": _text(names.is_server_name),
    "priority": _is_priority,
    "with_steps": lambda value: type(value) is bool,
    "groups": _texts(names.is_vg_name),
    "words": _texts(lambda word: "\0" not in word and len(word) < _LONGEST_WORD),
    "timeout": lambda value: type(value) is int and 0 < value <= LONGEST_TIMEOUT,
}
