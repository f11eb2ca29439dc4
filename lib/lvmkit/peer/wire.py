"""The form of what goes from kit to kit: one JSON object as the request, lines of JSON as the answer.

Request, on stdin of the far end, in ASCII:
    {"protocol": 1, "asker": SERVER, "server": SERVER, "request": NAME, "facts": {...}}
Answer, on its stdout, each line in one write:
    {"hello": {"protocol": 1, "version": VERSION, "boot": ID}}      first
    {"message": {"number", "level", "text", "advice", "facts"}}     as they come; errors are among them
    {"result": {...}}                                               last, where it succeeded
Exit status: 0 there is a result; 1 refused or failed, the messages say why; 2 nothing was begun: no request that the
far end knows, or it does not run as root. 255 is ssh's own, 126 and 127 are those of the shell: no such program there.
The hello keeps its form in every protocol, so that each end can say which version the other one has. Fields are only
ever added to results; the protocol's number changes when one goes or gets another meaning.

A message stays what it is: number and facts travel, and the other end makes the same message of them. One that it does
not know is passed on in its own words, and so is a line that is none of these, such as what a login script prints.
"""

from __future__ import annotations

import json

from lvmkit import VERSION
from lvmkit.model import names
from lvmkit.model.messages import ERROR, FATAL, WARN, Failure, Message, catalogue
from lvmkit.model.messages.extend import AnswerGarbled, Relayed, RelayedError, RelayedWarning
from lvmkit.model.messages.peer import AnsweredByItself, ProtocolDiffers, RequestRefused
from lvmkit.model.value import Value
from lvmkit.peer.requests import Request, read_request
from lvmkit.storage.boot import boot_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from lvmkit.storage.run import Finished

PROTOCOL = 1
DONE, FAILED, NOT_BEGUN = 0, 1, 2
"""exit statuses of the far end"""
LONGEST_REQUEST = 1024 * 1024
"""bytes"""
_LONGEST_TEXT = 2000
"""characters of a sentence or a line that is passed on as it is"""
_FIELDS = frozenset(("protocol", "asker", "server", "request", "facts"))
_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""what reading JSON of another form may raise"""


class Letter(Value):
    """A request on its way."""

    asker: str
    """the host name of the server that asks"""
    server: str
    """the name in the cluster of the server that is asked"""
    request: Request


def encoded(letter: Letter) -> bytes:
    """A request as the far end reads it."""
    request = letter.request
    envelope = {"protocol": PROTOCOL, "asker": letter.asker, "server": letter.server, "request": request.name}
    return json.dumps({**envelope, "facts": request.as_dict()}).encode("ascii")


def decoded(content: bytes) -> Letter:
    """The request that encoded() made. Raises Failure (110270) where it is none that is known here."""
    try:
        envelope = json.loads(content)
        protocol = envelope["protocol"]
        if type(protocol) is not int or protocol != PROTOCOL:
            raise Failure(
                RequestRefused(f"protocol {_shortened(str(protocol))} is not {PROTOCOL}, as this version has")
            )
        if envelope.keys() != _FIELDS:
            raise ValueError(f"it has {', '.join(envelope)}")
    except _UNREADABLE as error:
        raise Failure(RequestRefused(f"it cannot be read: {type(error).__name__}: {_shortened(str(error))}")) from error
    asker, server = _server(envelope["asker"]), _server(envelope["server"])
    return Letter(asker, server, read_request(envelope["request"], envelope["facts"]))


def hello() -> str:
    """The first line of an answer."""
    return json.dumps({"hello": {"protocol": PROTOCOL, "version": VERSION, "boot": boot_id()}})


def message_line(message: Message) -> str:
    """A message as a line of an answer."""
    return json.dumps({"message": packed(message)})


def result_line(result: dict[str, Any]) -> str:
    """The last line of an answer."""
    return json.dumps({"result": result})


def packed(message: Message) -> dict[str, Any]:
    """A message as JSON can hold it."""
    return {**message.in_words(), "facts": message.as_dict()}


def unpacked(facts: object, server: str) -> Message:
    """The message that was packed; one that is not known here as a Relayed... with its text.

    server: who said it. Raises ValueError, LookupError or TypeError for what is no packed message.
    """
    if not isinstance(facts, dict):
        raise TypeError(f"not a message: {facts!r}")
    known = catalogue().get(int(facts["number"]))
    try:
        if known is not None:
            return known(**{name: fact(value) for name, value in facts["facts"].items()})
    except (TypeError, AttributeError):
        pass  # fields of another version: its text still says what it is
    return _relayed(f"{facts['number']} {facts['text']}"[:_LONGEST_TEXT], str(facts.get("level")), server)


class Listener:
    """One answer, as its lines come."""

    def __init__(self, server: str, tell: Callable[[Message], None]) -> None:
        self._server = server
        self._tell = tell
        self.errors: list[Message] = []
        """what was said that is worse than a warning; it is raised, not told"""
        self._is_introduced = False
        self._result: dict[str, Any] | None = None

    def hear(self, line: str) -> None:
        """Take the next line. Raises Failure (110271, 110272) where it shows that this is not whom we can ask."""
        kind, content = _opened(line)
        if kind == "hello":
            self._meet(content)
        elif kind == "result" and self._is_introduced and isinstance(content, dict):
            self._result = content
        elif line.strip():
            self._pass_on(_message(kind, content, line, self._server))

    def result(self, answer: Finished) -> dict[str, Any]:
        """The result. Raises Failure: the errors that were said, else 110205 where there is no result."""
        if self.errors:
            raise Failure(*self.errors)
        if answer.status != DONE or self._result is None:
            lines = answer.stderr.strip().splitlines() or ["it gave no result and did not say why"]
            raise Failure(AnswerGarbled(self._server, f"exit status {answer.status}, {_shortened(lines[-1])}"))
        return self._result

    def _meet(self, content: Any) -> None:  # noqa: ANN401 - JSON
        """Compare who is there with who was meant. Another boot ID is another machine, a virtual one too."""
        try:
            protocol, version, boot = int(content["protocol"]), str(content["version"]), str(content["boot"])
        except _UNREADABLE as error:
            raise garbled(self._server, error) from error
        if protocol != PROTOCOL:
            raise Failure(ProtocolDiffers(self._server, _shortened(version), protocol, PROTOCOL))
        if boot == boot_id():
            raise Failure(AnsweredByItself(self._server))
        self._is_introduced = True

    def _pass_on(self, message: Message) -> None:
        if message.level in (ERROR, FATAL):
            self.errors.append(message)
        else:
            self._tell(message)


def garbled(server: str, error: Exception) -> Failure:
    """The failure to understand another server's answer."""
    return Failure(AnswerGarbled(server, f"{type(error).__name__}: {_shortened(str(error))}"))


def _server(word: object) -> str:
    if not isinstance(word, str) or not names.is_server_name(word):
        raise Failure(RequestRefused(f"{_shortened(str(word))!r} cannot be a server"))
    return word


def _opened(line: str) -> tuple[str, Any]:
    """(kind, content) of a line of an answer; ('', None) for any other."""
    try:
        ((kind, content),) = json.loads(line).items()
    except _UNREADABLE:
        return "", None
    return kind, content


def _message(kind: str, content: object, line: str, server: str) -> Message:
    """The message of a line, or the line itself as one."""
    try:
        if kind == "message":
            return unpacked(content, server)
    except _UNREADABLE:
        pass
    return Relayed(server, _shortened(line))


def fact(value: Any) -> Any:  # noqa: ANN401 - JSON
    """A fact of a message. Raises TypeError for what is none."""
    if isinstance(value, list):
        return tuple(map(fact, value))
    if not isinstance(value, (str, int, float)):
        raise TypeError(f"not a fact: {value!r}")
    return value


def _relayed(sentence: str, level: str, server: str) -> Message:
    kind = {WARN: RelayedWarning, ERROR: RelayedError, FATAL: RelayedError}.get(level, Relayed)
    return kind(server, sentence)


def _shortened(sentence: str) -> str:
    return sentence[:_LONGEST_TEXT]
