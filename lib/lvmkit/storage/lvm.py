"""LVM: one report that tells everything about volume groups, and the few commands that change them.

Every command goes through Lvm.command(): the `lvm` binary by its path, names checked, `--devices` where the disks are
known, so that a hung disk of somebody else costs nothing, and no more than the time that is left. The exit status of an
activation means little (it is 5 when only dmeventd is missing and 0 when a volume is not up), so callers get the answer
and ask device-mapper.
"""

from __future__ import annotations

import os
import stat
import time

from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import InvalidName
from lvmkit.model.messages.storage import CommandFailed, CommandGarbled
from lvmkit.model.settings import COMPLETE, DEGRADED
from lvmkit.model.value import Value, replace
from lvmkit.model.volumes import LogicalVolume, PhysicalVolume, VolumeGroup
from lvmkit.storage import dm, udev
from lvmkit.storage.run import FOREVER, LEAST, run, time_left

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from lvmkit.storage.run import Finished

    Row = dict[str, str]

LVM_PATHS = ("/usr/sbin/lvm", "/sbin/lvm")

_FIELDS = {
    "vg": ("vg_uuid", "vg_name", "vg_size", "vg_exported", "vg_systemid", "vg_autoactivation", "vg_lock_type"),
    "pv": ("pv_uuid", "pv_name", "pv_size", "pv_missing"),
    "lv": ("lv_uuid", "lv_name", "lv_size", "lv_role", "lv_skip_activation", "origin", "pool_lv"),
    "seg": ("lv_uuid", "segtype"),
    "pvseg": ("pvseg_start",),
}
_OUTPUT = 'log{command_names=0 prefix="  " report_command_log=0 silent=1 verbose=0}'
"""What every command's output is like, whatever lvm.conf says. What decides which disks exist, whose a volume group is
and what may be activated is left to lvm.conf; so is test mode. silent: no advice in the middle of a report."""
_PATIENCE = "global/wait_for_locks=1"
"""another LVM command at the same time is waited for, not an error; each command has a deadline"""
_REPORT = (
    "report{prefixes=0 compact_output=0 binary_values_as_numeric=0"
    ' vgs_sort_full="vg_name" pvs_sort_full="pv_name" lvs_sort_full="vg_name,lv_name"'
    ' pvsegs_sort_full="pv_uuid,pvseg_start" segs_sort_full="lv_uuid,seg_start"} backup{backup=0 archive=0}'
)
"""The form of a report, which writes no copies of the metadata: a command that changes it does"""
_TEST_MODE = "TEST MODE:"
UNKNOWN_OPTION = "unrecognized option"
"""in LVM's words where it does not know an option"""
_NO_PV_SEGMENTS = ("-S", "pvseg_start<0")  # fullreport has no way to leave this part out; it can be very long
_PUBLIC = "public"
"""lv_role of what can be used. lvs lists pools too, but as private: device-mapper has them as UUID-pool"""
_THICK_ROLES = ("thickorigin", "thicksnapshot")


class Lvm(Value):
    """How LVM is asked: with how much time, and as whom."""

    deadline: float
    """seconds for one command; for one that brings volumes up or down, since the last one came or went"""
    end: float = FOREVER
    """of time.monotonic(): when all that the commands are for must be done"""
    system_id: str = ""
    """Every command speaks as the host with this ID (lvmsystemid(7)); '' as lvm.conf has it. So it also holds where
    lvm.conf gives the host none; LVM's own daemons, such as dmeventd, don't know of it."""

    @property
    def time_left(self) -> float:
        """Seconds for the next command."""
        return time_left(self.deadline, self.end)

    def speaking_as(self, system_id: str) -> Lvm:
        """LVM, asked as the host with this ID; '' changes nothing. Raises Failure (110100) for what cannot be one."""
        return replace(self, system_id=_checked_system_id(system_id)) if system_id else self

    def report(self, vg: str | None = None, *, devices: Sequence[str] = ()) -> tuple[VolumeGroup, ...]:
        """Volume groups with their physical and visible logical volumes, from one LVM command.

        Source: lvmreport(7), fullreport. Pools are not among the logical volumes: they come up with the volumes in
        them and have no device of their own name.

        vg: one name; None for all that are seen, also exported ones, shared ones and those of other hosts.
        devices: look at these only, if any still exists. LVM's filters do not apply to them.
        Returns () for an unknown name, and more than one group where several carry the name.
        Raises Failure: CommandFailed, CommandHung, CommandMissing, CommandGarbled, InvalidName.
        """
        # LVM's hints name the disks it knew; a clone of one of them that appeared since would not be looked at.
        hints = () if _present(devices) else ("--nohints",)
        form = ("--reportformat", "json", "--units", "b", "--nosuffix")
        words = (*form, "--foreign", "--shared", *hints, *_report_words())
        answer = self.command("fullreport", *words, *_checked_vg(vg), devices=devices, config=_REPORT)
        if vg and f'Volume group "{vg}" not found' in answer.stderr:
            return ()
        if vg and "Multiple VGs found with the same name" in answer.stderr:
            return tuple(group for group in self.report(devices=devices) if group.name == vg)
        try:
            found = _groups(answer)
        except Failure:
            _raise_unless_done(answer)
            raise
        if not found:  # a group that LVM trips over must not hide the others, so the status counts only where none came
            _raise_unless_done(answer)
        return found

    def find(self, vg_uuid: str, vg_name: str, devices: Sequence[str] = ()) -> VolumeGroup | None:
        """The volume group with this UUID, whatever its name now; else one with this name; else None.

        devices: where it was last seen: asked first and alone. All disks are asked when it is not whole there.
        At most two LVM commands. Raises Failure as report() does.
        """
        known = _present(devices)
        near = self.report(devices=known) if known else ()
        whole = next((vg for vg in near if vg.uuid == vg_uuid and not vg.missing), None)
        if whole:
            return whole
        seen = (*self.report(), *near)
        same = [vg for vg in seen if vg.uuid == vg_uuid]
        return next(iter([*same, *(vg for vg in seen if vg.name == vg_name)]), None)

    def activate(self, vg: str, *, uuid: str = "", devices: Sequence[str] = (), degraded: bool = False) -> Finished:
        """Bring up the volumes of a group that do not carry the activation-skip flag. No metadata is written.

        uuid: of the group; the command is not late while its volumes come up.
        degraded: also those whose redundancy makes up for missing disks (lvmraid(7)).
        Returns LVM's answer; device-mapper knows what came up.
        Raises Failure: CommandHung, CommandMissing, InvalidName.
        """
        words = ("-ay", *_mode(degraded), *_checked_vg(vg))
        return self.command("vgchange", *words, devices=devices, watched=uuid)

    def deactivate(self, vg: str, *, uuid: str = "", devices: Sequence[str] = ()) -> Finished:
        """Take all volumes of a group down. Takes, returns and raises as activate() does."""
        return self.command("vgchange", "-an", *_checked_vg(vg), devices=devices, watched=uuid)

    def activate_lv(self, vg: str, lv: str, *, devices: Sequence[str] = (), degraded: bool = False) -> Finished:
        """Bring up one volume, also one that carries the activation-skip flag: it was asked for by name.

        Returns and raises as activate() does.
        """
        words = ("-ay", "--ignoreactivationskip", *_mode(degraded), _checked_lv(vg, lv))
        return self.command("lvchange", *words, devices=devices)

    def deactivate_lv(self, vg: str, lv: str, *, devices: Sequence[str] = ()) -> Finished:
        """Take one volume down. Returns and raises as activate() does."""
        return self.command("lvchange", "-an", _checked_lv(vg, lv), devices=devices)

    def set_autoactivation(self, vg: str, on: bool, *, devices: Sequence[str] = ()) -> None:
        """Say whether the boot and udev may bring the group up by themselves (lvmautoactivation(7)); writes metadata.

        Raises Failure: CommandFailed when it could not be written, CommandHung, CommandMissing, InvalidName.
        """
        words = ("--setautoactivation", "y" if on else "n", *_checked_vg(vg))
        answer = self.command("vgchange", *words, devices=devices)
        if "autoactivation is already" not in answer.stderr:  # LVM ends with 5 where there is nothing to write
            _raise_unless_written(answer)

    def set_system_id(
        self, vg: str, new: str, *, old: str, devices: Sequence[str] = (), lacks_disks: bool = False
    ) -> None:
        """Give a volume group another owner (lvmsystemid(7), "Overriding system ID"); writes metadata.

        new: a system ID, by which this command speaks too; '' takes the owner away.  old: that until now, '' for none.
        lacks_disks: not all physical volumes are there; LVM then asks for more than half of them, and knows how since
        2.03.17 (vgchange(8), --majoritypvs).
        Seen with 2.03.16: a group without an owner may be active meanwhile.
        Raises Failure: CommandFailed when it could not be written, with UNKNOWN_OPTION in LVM's words where it is
        older; CommandHung, CommandMissing, InvalidName.
        """
        extra = f'local/extra_system_ids=["{_checked_system_id(old)}"]' if old and new else ""
        majority = ("--majoritypvs",) if lacks_disks else ()
        words = ("-y", *majority, "--systemid", new, *_checked_vg(vg))
        _raise_unless_written(self.speaking_as(new or old).command("vgchange", *words, devices=devices, config=extra))

    def own_system_id(self) -> str:
        """This host's LVM system ID (lvmsystemid(7)); '' where lvm.conf says that it has none.

        Raises Failure: CommandFailed, CommandHung, CommandMissing, CommandGarbled.
        """
        if self.system_id:
            return self.system_id
        answer = self.command("systemid")
        _raise_unless_done(answer)
        for line in answer.stdout.splitlines():
            label, colon, value = line.partition(":")
            if colon and label.strip() == "system ID":
                return value.strip()
        raise Failure(CommandGarbled(answer.command, "no system ID"))

    def command(
        self, subcommand: str, *words: str, devices: Sequence[str] = (), config: str = "", watched: str = ""
    ) -> Finished:
        """Run one LVM command; its status and words are the caller's to judge.

        devices: the only ones that it looks at, those of them that exist; () means all.
        config: settings for this command that go before lvm.conf's.
        watched: UUID of a group; each device of it that comes, goes or is noted by udev gives the command its whole
            time again.
        Raises Failure: CommandMissing, CommandHung.
        """
        known = _present(devices)
        only = ("--devices", ",".join(known)) if known else ()
        settings = " ".join(filter(None, (_OUTPUT, _PATIENCE, _identity(self.system_id), config)))
        argv = (_binary(), subcommand, *words, "--config", settings, *only)
        if not watched:
            return run(argv, deadline=self.time_left)
        end = max(self.end, time.monotonic() + LEAST)
        return run(argv, deadline=self.deadline, progress=lambda: _state(watched), end=end)


def is_system_id(text: str) -> bool:
    """Whether LVM takes this as a system ID as it is.

    lvmsystemid(7): the characters of a VG name, at most 128; others are dropped. Seen with 2.03.16: a first character
    that is neither letter nor digit is dropped too, and what begins with localhost is refused.
    """
    return names.is_vg_name(text) and text[0].isalnum() and not text.startswith("localhost")


def _identity(system_id: str) -> str:
    """LVM configuration that makes one command speak as the host with this ID; '' where lvm.conf decides."""
    return f'global/system_id_source="lvmlocal" local/system_id="{system_id}"' if system_id else ""


def _state(vg_uuid: str) -> object:
    """What the kernel holds of a group, and how far udev is with it, for which LVM waits in the end.

    Nothing where the kernel cannot be asked: the command's time is not extended then.
    """
    try:
        held = dm.of_vg(dm.list_devices(), vg_uuid)
    except Failure:
        return ()
    return held, udev.noted(device.number for device in held)


def _binary() -> str:
    return next((path for path in LVM_PATHS if os.path.exists(path)), LVM_PATHS[0])


def _present(devices: Sequence[str]) -> tuple[str, ...]:
    """The block devices among these that exist, by the names that LVM knows without udev's links."""
    real = dict.fromkeys(os.path.realpath(device) for device in devices)
    return tuple(device for device in real if _is_block_device(device))


def _is_block_device(path: str) -> bool:
    try:
        return stat.S_ISBLK(os.stat(path).st_mode)
    except OSError:
        return False


def _mode(degraded: bool) -> tuple[str, str]:
    return "--activationmode", DEGRADED if degraded else COMPLETE


def _checked_vg(vg: str | None) -> tuple[str, ...]:
    if vg is None:
        return ()
    if not names.is_vg_name(vg):
        raise Failure(InvalidName(vg, "volume group name"))
    return (vg,)


def _checked_system_id(text: str) -> str:
    if not is_system_id(text):
        raise Failure(InvalidName(text, "system ID"))
    return text


def _checked_lv(vg: str, lv: str) -> str:
    if not names.is_lv_name(lv):
        raise Failure(InvalidName(lv, "logical volume name"))
    return "/".join((*_checked_vg(vg), lv))


def _raise_unless_done(answer: Finished) -> None:
    if answer.status != 0:
        words = "; ".join(line.strip() for line in answer.stderr.splitlines() if line.strip())
        raise Failure(CommandFailed(answer.command, str(answer.status), words or "it did not say why"))


def _raise_unless_written(answer: Finished) -> None:
    _raise_unless_done(answer)
    if _TEST_MODE in answer.stderr:  # lvm.conf's global/test has LVM only pretend
        raise Failure(CommandFailed(answer.command, "0", answer.stderr.strip()))


def _report_words() -> tuple[str, ...]:
    parts = ((("--configreport", name, "-o", ",".join(fields))) for name, fields in _FIELDS.items())
    return (*(word for part in parts for word in part), *_NO_PV_SEGMENTS)


def _groups(answer: Finished) -> tuple[VolumeGroup, ...]:
    """The volume groups of a report; CommandGarbled when it is not of the documented shape."""
    import json  # a command that prints no report starts without it

    duplicates = _duplicates(answer.stderr)
    decoder, text = json.JSONDecoder(strict=False), answer.stdout
    try:
        # Complaints about lvm.conf come before the report, on stdout, however silent LVM is to be.
        parts = decoder.raw_decode(text, max(0, text.find("{")))[0]["report"]
        return tuple(_group(part, duplicates) for part in parts if part.get("vg"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Failure(CommandGarbled(answer.command, f"{type(error).__name__}: {error}")) from error


def _group(part: dict[str, Any], duplicates: Mapping[str, tuple[str, ...]]) -> VolumeGroup:
    (row,) = part["vg"]
    kinds = {segment["lv_uuid"]: segment["segtype"] for segment in reversed(part["seg"])}
    return VolumeGroup(
        uuid=_text(row, "vg_uuid"),
        name=_text(row, "vg_name"),
        size=int(row["vg_size"]),
        exported=_is_set(row, "vg_exported"),
        system_id=_optional(row, "vg_systemid"),
        autoactivation=_is_set(row, "vg_autoactivation"),
        lock_type=_lock_type(row),
        physical=tuple(_physical(pv, duplicates) for pv in part["pv"]),
        logical=tuple(_logical(lv, kinds) for lv in part["lv"] if _PUBLIC in _optional(lv, "lv_role")),
    )


def _lock_type(row: Row) -> str:
    """Who locks the group for LVM; '' for one host's own group, which lvmlockd(8) writes in two ways."""
    kind = _optional(row, "vg_lock_type")
    return "" if kind == "none" else kind


def _physical(row: Row, duplicates: Mapping[str, tuple[str, ...]]) -> PhysicalVolume:
    device, uuid = _text(row, "pv_name"), _text(row, "pv_uuid")
    unknown = not device.startswith("/")  # "[unknown]", or "unknown device" by lvm.conf, which --config can't change
    return PhysicalVolume(
        uuid=uuid,
        device="" if unknown else device,
        size=int(row["pv_size"]),
        missing=unknown or _is_set(row, "pv_missing"),
        duplicates=duplicates.get(uuid, ()),
    )


def _logical(row: Row, kinds: Mapping[str, str]) -> LogicalVolume:
    uuid = _text(row, "lv_uuid")
    return LogicalVolume(
        uuid=uuid,
        name=_text(row, "lv_name"),
        kind=str(kinds[uuid]),
        size=int(row["lv_size"]),
        skips_activation=_is_set(row, "lv_skip_activation"),
        origin=_optional(row, "origin"),
        pool=_optional(row, "pool_lv"),
        snapshot_target=any(role in _optional(row, "lv_role") for role in _THICK_ROLES),
    )


def _text(row: Row, field: str) -> str:
    value = row[field]
    if not isinstance(value, str) or not value:
        raise ValueError(f"{field} is {value!r}")
    return value


def _optional(row: Row, field: str) -> str:
    """A field that may be empty."""
    value = row[field]
    if not isinstance(value, str):
        raise TypeError(f"{field} is {value!r}")
    return value


def _is_set(row: Row, field: str) -> bool:
    """A yes-or-no field: a word or ''."""
    return _optional(row, field) != ""


def _duplicates(warnings: str) -> dict[str, tuple[str, ...]]:
    """By PV UUID the devices that LVM saw and put aside. Only its warnings tell: the report itself shows one of them.

    Seen with 2.03.16: "WARNING: Not using device /dev/loop4 for PV 3lUXtS-...-UIlH3r."
    """
    found: dict[str, tuple[str, ...]] = {}
    for line in warnings.splitlines():
        _, mark, rest = line.partition("Not using device ")
        device, of, uuid = rest.rpartition(" for PV ")
        uuid = uuid.strip().rstrip(".")
        if mark and of and names.is_lvm_uuid(uuid):
            found[uuid] = (*found.get(uuid, ()), device)
    return found
