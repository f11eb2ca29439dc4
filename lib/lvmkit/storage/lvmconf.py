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
    lines = (line.partition(":") for line in answer.stdout.splitlines())
    found = next((value.split() for label, _, value in lines if label.strip() == "LVM version"), [])
    if not found or not numbers(found[0]):
        raise Failure(CommandGarbled(answer.command, "no LVM version"))
    return found[0]


def numbers(text: str) -> tuple[int, ...]:
    """The numbers of a version, to compare it by; () where it is none. What follows the digits does not count."""
    words = text.partition("(")[0].partition("-")[0].split(".")
    return tuple(map(int, words)) if all(word.isascii() and word.isdigit() for word in words) else ()


def load(lvm: Lvm) -> LvmConf:
    """The settings in force; what is set nowhere has LVM's own default, or is left out where there is none.

    Raises Failure as version() does.
    """
    answer = lvm.command("lvmconfig", "--type", "full", *_WANTED)
    if answer.status != 0:
        raise Failure(CommandFailed(answer.command, str(answer.status), answer.stderr.strip() or "it did not say why"))
    lines = (line.partition("=") for line in answer.stdout.splitlines())
    found = {key.strip(): _words(value) for key, equals, value in lines if equals}
    source = found.get("system_id_source", ())
    if len(source) != 1:
        raise Failure(CommandGarbled(answer.command, "no system_id_source"))
    return LvmConf(source[0], found.get("extra_system_ids", ()), _devices_file(found))


def _devices_file(found: dict[str, tuple[str, ...]]) -> str:
    name = next(iter(found.get("devicesfile", ())), "")
    return f"/etc/lvm/devices/{name}" if name and found.get("use_devicesfile") == ("1",) else ""


def _words(value: str) -> tuple[str, ...]:
    """A value or a list of them, without quotes: lvm.conf(5), VALUE."""
    listed = value.strip().lstrip("[").rstrip("]").split(",")
    return tuple(word for each in listed if (word := each.strip().strip('"')))
