"""What LVM is and how it is configured on this server, in its own words (lvmconfig(8)): lvm.conf has many places."""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.model.messages.storage import CommandFailed, CommandGarbled
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.storage.lvm import Lvm

_WANTED = ("global/system_id_source", "local/extra_system_ids", "devices/use_devicesfile", "devices/devicesfile")


class LvmConf(Value):
    """The settings that matter for who may activate what."""

    system_id_source: str
    extra_system_ids: tuple[str, ...] = ()
    """of other hosts, whose volume groups this one may use"""
    devices_file: str = ""
    """its path; '' where LVM uses none"""


def version(lvm: Lvm) -> str:
    """The version of LVM, as "2.03.16(2)".

    Raises Failure: CommandMissing, CommandFailed, CommandHung, CommandGarbled.
    """
    answer = lvm.command("version")
    for line in answer.stdout.splitlines():
        label, _, value = line.partition(":")
        words = value.split()
        if label.strip() == "LVM version" and words and numbers(words[0]):
            return words[0]
    raise Failure(CommandGarbled(answer.command, "no LVM version"))


def version_if_known(lvm: Lvm) -> str:
    """The same, or '' where LVM does not say."""
    try:
        return version(lvm)
    except Failure:
        return ""


def are_of_one_series(one: str, other: str) -> bool:
    """Whether two versions make the same kinds of volumes, or one is not known. Within a series there are additions."""
    return "" in (one, other) or numbers(one)[:2] == numbers(other)[:2]


def numbers(text: str) -> tuple[int, ...]:
    """The numbers of a version, for comparing it; () for anything else. What follows the digits does not count."""
    words = text.partition("(")[0].partition("-")[0].split(".")
    for word in words:
        if not word.isascii() or not word.isdigit():
            return ()
    return tuple(map(int, words))


def load(lvm: Lvm) -> LvmConf:
    """The settings in force; one that is not set has LVM's default, and is left out where LVM has no default.

    Raises Failure as version() does.
    """
    answer = lvm.command("lvmconfig", "--type", "full", *_WANTED)
    if answer.status != 0:
        raise Failure(CommandFailed(answer.command, str(answer.status), answer.stderr.strip() or "it did not say why"))
    settings = {}
    for line in answer.stdout.splitlines():
        key, equals, value = line.partition("=")
        if equals:
            settings[key.strip()] = _words(value)
    source = settings.get("system_id_source", ())
    if len(source) != 1:
        raise Failure(CommandGarbled(answer.command, "no system_id_source"))
    return LvmConf(source[0], settings.get("extra_system_ids", ()), _devices_file(settings))


def _devices_file(settings: dict[str, tuple[str, ...]]) -> str:
    names = settings.get("devicesfile", ())
    if not names or settings.get("use_devicesfile") != ("1",):
        return ""
    return f"/etc/lvm/devices/{names[0]}"


def _words(value: str) -> tuple[str, ...]:
    """A value or a list of values, without quotes and without empty ones: lvm.conf(5), VALUE."""
    words = []
    for item in value.strip().lstrip("[").rstrip("]").split(","):
        word = item.strip().strip('"')
        if word:
            words.append(word)
    return tuple(words)
