"""The `lvm` command of 2.03.16 as far as the kit and an administrator of the tests use it.

What it refuses, and in which words, is what real LVM was seen to do (tests/metadata) or what its source says. A word
that this does not know is an AssertionError: the fake must never be kinder than LVM.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lvmkit.model import names
from tests.unit.machine import disks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.unit.machine.disks import Metadata, SharedDisk, Volume
    from tests.unit.machine.kernel import Mapped
    from tests.unit.machine.machine import Attached, Machine

VERSION = "2.03.16(2)"
_FAILED = 5
_FLAGS = (
    "-y",
    "--foreign",
    "--shared",
    "--nohints",
    "--noheadings",
    "--nosuffix",
    "--ignoreactivationskip",
    "-ay",
    "-an",
    "-aay",
    "--majoritypvs",
)
_VALUES = (
    "--config",
    "--devices",
    "--activationmode",
    "--setautoactivation",
    "--systemid",
    "--reportformat",
    "--units",
)
_OF_IDENTITY = {"global/system_id_source", "local/system_id", "local/extra_system_ids"}
_REDUNDANT = {"raid1": 1, "raid4": 1, "raid5": 1, "raid6": 2, "mirror": 1}
_DEVICES_HINT = "See vgreduce --removemissing and vgextend --restoremissing."


class Refusal(Exception):
    """LVM ends with 5 and these words."""


@dataclass
class Order:
    """A command's words."""

    flags: set[str]
    values: dict[str, str]
    columns: dict[str, list[str]]
    """by the name of a part of the report"""
    rest: list[str]


@dataclass
class Seen:
    """A volume group as one command sees it: its newest metadata, and where its physical volumes are."""

    metadata: Metadata
    places: dict[str, list[Attached]]
    """by PV UUID; the first one is used"""

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(pv for pv in self.metadata.disks if not self.places.get(pv))

    @property
    def duplicated(self) -> bool:
        return any(len(places) > 1 for places in self.places.values())

    @property
    def used(self) -> tuple[SharedDisk, ...]:
        return tuple(places[0].disk for places in self.places.values() if places)


class Lvm:
    """LVM of one machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.system_id = ""
        """by lvm.conf; '' for none"""
        self.extra_system_ids: tuple[str, ...] = ()
        self.hidden: set[str] = set()
        """kernel names of the disks that lvm.conf's filters hide"""
        self.devices_file = ""
        self.is_full = False
        """no volume group has room for further metadata"""
        self.version = VERSION
        self.own_reservations = ""
        """what vgchange --setpersist has set, as vg_persist shows it from 2.03.34 on"""

    def run(self, words: Sequence[str]) -> tuple[int, str, str]:
        """(exit status, stdout, stderr) of `lvm WORDS...`."""
        commands: dict[str, Callable[[Order], tuple[int, str, str]]] = {
            "fullreport": self._fullreport,
            "vgchange": self._vgchange,
            "lvchange": self._lvchange,
            "systemid": lambda order: (0, f"  system ID: {self._identity(order)[0]}\n", ""),
            "version": lambda _order: (0, f"  LVM version:     {self.version} (2022-05-18)\n", ""),
            "lvmconfig": self._lvmconfig,
            "vgs": lambda order: (0, f"  {self.own_reservations}\n", ""),
            "vgrename": self._vgrename,
            "lvrename": self._lvrename,
            "vgexport": lambda order: self._written(order, exported=True),
            "vgimport": lambda order: self._written(order, exported=False),
        }
        assert words[0] in commands, f"lvm {words[0]} is not known to the fake"
        try:
            return commands[words[0]](_parsed(words[1:]))
        except Refusal as refusal:
            return _FAILED, "", "".join(f"  {line}\n" for line in str(refusal).splitlines())

    def run_by_kit(self, words: Sequence[str]) -> tuple[int, str, str]:
        """The same of a command of the kit, which must not leave its output to lvm.conf."""
        assert 'log{command_names=0 prefix="  "' in " ".join(words), "lvm.conf may say what output is like"
        return self.run(words)

    # -- what is seen

    def _groups(self, order: Order) -> tuple[list[Seen], str]:
        """All volume groups on the disks that the command looks at, and LVM's warnings about duplicates."""
        only = order.values.get("--devices")
        seen: list[Seen] = []
        for attached in self.machine.readable(only.split(",") if only is not None else None, self.hidden):
            metadata = attached.disk.metadata
            if metadata is None:
                continue
            group = _same(seen, metadata)
            group.places.setdefault(attached.disk.pv_uuid, []).append(attached)
            if metadata.sequence > group.metadata.sequence:
                group.metadata = metadata
        return seen, "".join(self._prefer(group) for group in seen)

    def _prefer(self, group: Seen) -> str:
        """Put the used one of several devices with one PV UUID first, as LVM does; its warnings."""
        in_use = {number for device in self.machine.dm.of_group(group.metadata.uuid) for number in device.below}
        said = ""
        for uuid, places in group.places.items():
            places.sort(key=lambda each: each.number not in in_use)
            for other in places[1:]:
                said += f"  WARNING: Not using device {other.path} for PV {uuid}.\n"
            if len(places) > 1:
                why = "device is used by LV" if places[0].number in in_use else "device was seen first"
                said += f"  WARNING: PV {uuid} prefers device {places[0].path} because {why}.\n"
        return said

    def _named(self, order: Order, name: str) -> Seen:
        """The one volume group of that name. Raises Refusal."""
        found = [group for group in self._groups(order)[0] if group.metadata.name == name]
        if not found:
            raise Refusal(f'Volume group "{name}" not found\nCannot process volume group {name}')
        if len(found) > 1:
            raise Refusal(
                f"Multiple VGs found with the same name: skipping {name}\n"
                "Use --select vg_uuid=<uuid> in place of the VG name."
            )
        return found[0]

    # -- who speaks

    def _identity(self, order: Order) -> tuple[str, tuple[str, ...]]:
        """(system ID, extra system IDs) that the command has: --config goes before lvm.conf."""
        config = order.values.get("--config", "")
        own = re.search(r'local/system_id="([^"]*)"', config)
        extra = re.search(r"local/extra_system_ids=\[([^]]*)\]", config)
        known = set(re.findall(r"(\S+/\w+)=", config))
        assert known <= {*_OF_IDENTITY, "global/wait_for_locks"}, config
        assert own is None or 'global/system_id_source="lvmlocal"' in config, "an ID that LVM would not look at"
        others = tuple(re.findall(r'"([^"]*)"', extra.group(1))) if extra else self.extra_system_ids
        return own.group(1) if own else self.system_id, others

    def _may_access(self, group: Seen, order: Order, *, to_deactivate: bool = False) -> None:
        """Raises Refusal for another host's volume group; what is active here may be taken down all the same."""
        owner, (own, extra) = group.metadata.system_id, self._identity(order)
        if owner in ("", own, *extra):
            return
        name = group.metadata.name
        if not own:
            raise Refusal(f"Cannot access VG {name} with system ID {owner} with unknown local system ID.")
        if self._is_active(group.metadata) and to_deactivate:
            return
        raise Refusal(f"Cannot access VG {name} with system ID {owner} with local system ID {own}.")

    def _may_write(self, group: Seen, order: Order, *, by_majority: bool = False) -> None:
        self._may_access(group, order)
        name = group.metadata.name
        if group.metadata.exported:
            raise Refusal(f"Volume group {name} is exported")
        if group.duplicated:
            raise Refusal(f"Cannot update volume group {name} with duplicate PV devices.")
        found, missing = len(group.used), len(group.missing)
        if by_majority and found <= missing:
            total = f"found {found} of {found + missing}"
            raise Refusal(f"Cannot change system ID without the majority of PVs ({total}).")
        if missing and not by_majority:
            raise Refusal(f"Cannot change VG {name} while PVs are missing.\n{_DEVICES_HINT}")
        for places in group.places.values():
            if not self.machine.may_write(places[0].disk):
                raise Refusal(f"Error writing device {places[0].path} at 4096 length 512.\nFailed to write VG {name}.")
        if self.is_full:
            raise Refusal(f"VG {name} metadata on {group.places[group.metadata.disks[0]][0].path} too large.")

    def _is_active(self, metadata: Metadata) -> bool:
        return bool(self.machine.dm.of_group(metadata.uuid))

    # -- commands

    def _fullreport(self, order: Order) -> tuple[int, str, str]:
        assert order.values.get("--units") == "b"
        assert "--nosuffix" in order.flags
        assert {"--foreign", "--shared"} <= order.flags, "groups of others would be left out"
        found, warnings = self._groups(order)
        if order.rest:
            try:
                found = [self._named(order, order.rest[0])]
            except Refusal as refusal:
                lines = "".join(f"  {line}\n" for line in str(refusal).splitlines())
                return _FAILED, json.dumps({"report": []}), warnings + lines
        found.sort(key=lambda group: group.metadata.name)
        return 0, json.dumps({"report": [_part(group, order.columns) for group in found]}), warnings

    def _vgchange(self, order: Order) -> tuple[int, str, str]:
        if "--setautoactivation" in order.values:
            return self._set_autoactivation(order)
        if "--systemid" in order.values:
            return self._set_system_id(order)
        if "-an" in order.flags:
            return self._each(order, self._deactivate)
        assert order.flags & {"-ay", "-aay"}, "vgchange without anything to change"
        return self._each(order, self._activate)

    def _each(self, order: Order, work: Callable[[Seen, Order], str]) -> tuple[int, str, str]:
        """Do it for the named volume groups; without a name for all that this host may access."""
        if order.rest:
            groups = [self._named(order, name) for name in order.rest]
            said = "".join(work(group, order) for group in groups)
            return _FAILED if said else 0, "", said
        said = ""
        for group in self._groups(order)[0]:
            try:
                said += work(group, order)
            except Refusal:
                continue  # exported and other hosts' groups are passed over in silence
        return _FAILED if said else 0, "", said

    def _activate(self, group: Seen, order: Order) -> str:
        """Bring up the volumes; what went wrong with single ones. Raises Refusal."""
        metadata = group.metadata
        self._may_access(group, order)
        if metadata.exported:
            raise Refusal(f"Volume group {metadata.name} is exported")
        if "-aay" in order.flags and not metadata.autoactivation:
            return ""
        said = ""
        for volume in metadata.volumes:
            if not volume.skips_activation:
                said += self._activate_volume(group, volume, order)
        return said

    def _activate_volume(self, group: Seen, volume: Volume, order: Order) -> str:
        metadata, dm = group.metadata, self.machine.dm
        uuid = names.dm_uuid(metadata.uuid, volume.uuid)
        if dm.by_uuid(uuid):
            return ""
        if group.duplicated:
            return f"  Cannot activate LVs in VG {metadata.name} while PVs appear on duplicate devices.\n"
        below = metadata.below(volume)
        lost = sum(pv in group.missing for pv in below)
        bearable = (
            _REDUNDANT.get(volume.kind, 0) if order.values.get("--activationmode", "degraded") == "degraded" else 0
        )
        if lost > bearable or lost == len(below):
            path = f"{metadata.name}/{volume.name}"
            return f"  Refusing activation of partial LV {path}.  Use '--activationmode partial' to override.\n"
        there = [group.places[pv][0] for pv in below if pv not in group.missing]
        numbers, legs = tuple(each.number for each in there), tuple(each.disk for each in there)
        mapped = names.dm_name(metadata.name, volume.name)
        try:
            device = dm.create(mapped, uuid, _target(volume), numbers, legs)
        except OSError as error:
            return f"  device-mapper: create ioctl on {mapped} failed: {error.strerror}\n"
        device.size = volume.size
        return ""

    def _deactivate(self, group: Seen, order: Order) -> str:
        self._may_access(group, order, to_deactivate=True)
        if group.metadata.exported:
            raise Refusal(f"Volume group {group.metadata.name} is exported")
        devices = (self._device(group.metadata, volume) for volume in group.metadata.volumes)
        return "".join(self._deactivate_device(device, group.metadata) for device in devices if device)

    def _device(self, metadata: Metadata, volume: Volume) -> Mapped | None:
        return self.machine.dm.by_uuid(names.dm_uuid(metadata.uuid, volume.uuid))

    def _deactivate_device(self, device: Mapped, metadata: Metadata) -> str:
        if self.machine.dm.open_count(device):
            use = "contains a filesystem in use" if self.machine.is_mounted(device.number) else "in use"
            parts = names.split_dm_name(device.name)
            return f"  Logical volume {metadata.name}/{parts[1] if parts else device.name} {use}.\n"
        self.machine.dm.discard(device)
        return ""

    def _lvchange(self, order: Order) -> tuple[int, str, str]:
        (path,) = order.rest
        name, _, lv = path.partition("/")
        group = self._named(order, name)
        volume = next((each for each in group.metadata.volumes if each.name == lv), None)
        if volume is None:
            raise Refusal(f"Failed to find logical volume {path}")
        if "-an" in order.flags:
            self._may_access(group, order, to_deactivate=True)
            device = self._device(group.metadata, volume)
            said = self._deactivate_device(device, group.metadata) if device else ""
            return _FAILED if said else 0, "", said
        assert "-ay" in order.flags, "lvchange without anything to change"
        self._may_access(group, order)
        if group.metadata.exported:
            raise Refusal(f"Volume group {name} is exported")
        if volume.skips_activation and "--ignoreactivationskip" not in order.flags:
            return 0, "", ""
        said = self._activate_volume(group, volume, order)
        return _FAILED if said else 0, "", said

    def _set_autoactivation(self, order: Order) -> tuple[int, str, str]:
        (name,) = order.rest
        group, on = self._named(order, name), order.values["--setautoactivation"] == "y"
        self._may_write(group, order)
        if group.metadata.autoactivation == on:
            raise Refusal(f"Volume group autoactivation is already {'yes' if on else 'no'}.")
        disks.write(replace(group.metadata, autoactivation=on), group.used)
        return 0, f'  Volume group "{name}" successfully changed\n', ""

    def _set_system_id(self, order: Order) -> tuple[int, str, str]:
        (name,) = order.rest
        group, new = self._named(order, name), order.values["--systemid"]
        by_majority = "--majoritypvs" in order.flags
        if by_majority and self.version < "2.03.17":
            raise Refusal("vgchange: unrecognized option '--majoritypvs'\nError during parsing of command line.")
        self._may_write(group, order, by_majority=by_majority)
        if group.metadata.system_id == new:
            raise Refusal(f'Volume Group system ID is already "{new}".')
        # _vgchange_system_id() in LVM's vgchange.c: the owner may be taken away, or be this host, while volumes are up.
        if new not in ("", self._identity(order)[0]) and self._is_active(group.metadata):
            raise Refusal(f"Logical Volumes in VG {name} must be deactivated before system ID can be changed.")
        assert "-y" in order.flags, "LVM would ask"
        disks.write(replace(group.metadata, system_id=new), group.used)
        return 0, f'  Volume group "{name}" successfully changed\n', ""

    def _vgrename(self, order: Order) -> tuple[int, str, str]:
        old, new = order.rest
        same = [group for group in self._groups(order)[0] if group.metadata.uuid == old]
        group = same[0] if same else self._named(order, old)
        self._may_write(group, order)
        disks.write(replace(group.metadata, name=new), group.used)
        self.machine.rename_devices(group.metadata, new)
        return 0, f'  Volume group "{old}" successfully renamed to "{new}"\n', ""

    def _lvrename(self, order: Order) -> tuple[int, str, str]:
        name, old, new = order.rest
        group = self._named(order, name)
        self._may_write(group, order)
        volumes = tuple(replace(lv, name=new) if lv.name == old else lv for lv in group.metadata.volumes)
        disks.write(replace(group.metadata, volumes=volumes), group.used)
        self.machine.rename_devices(replace(group.metadata, volumes=volumes), name)
        return 0, f'  Renamed "{old}" to "{new}" in volume group "{name}"\n', ""

    def _written(self, order: Order, *, exported: bool) -> tuple[int, str, str]:
        (name,) = order.rest
        group = self._named(order, name)
        self._may_access(group, order)
        if group.metadata.exported == exported:
            raise Refusal(f'Volume group "{name}" is {"already" if exported else "not"} exported')
        if group.missing or group.duplicated:
            raise Refusal(f"Cannot change VG {name} while PVs are missing.\n{_DEVICES_HINT}")
        if exported and self._is_active(group.metadata):
            raise Refusal(f'Volume group "{name}" has active logical volumes')
        # vgexport gives the owner away (lvmsystemid(7)); vgimport makes this host the owner.
        owner = "" if exported else self._identity(order)[0]
        disks.write(replace(group.metadata, exported=exported, system_id=owner), group.used)
        return 0, f'  Volume group "{name}" successfully {"ex" if exported else "im"}ported\n', ""

    def _lvmconfig(self, order: Order) -> tuple[int, str, str]:
        del order
        own = "lvmlocal" if self.system_id else "none"
        extra = ",".join(f'"{each}"' for each in self.extra_system_ids)
        lines = [f'system_id_source="{own}"', f"extra_system_ids=[{extra}]"]
        lines += [
            f"use_devicesfile={int(bool(self.devices_file))}",
            f'devicesfile="{self.devices_file or "system.devices"}"',
        ]
        return 0, "".join(f"{line}\n" for line in lines), ""


def _same(seen: list[Seen], metadata: Metadata) -> Seen:
    """The group that metadata are of; a copy under another name and on other disks is another one."""
    for group in seen:
        is_copy = group.metadata.name != metadata.name and not {*group.metadata.disks} & {*metadata.disks}
        if group.metadata.uuid == metadata.uuid and not is_copy:
            return group
    seen.append(Seen(metadata, {}))
    return seen[-1]


def _target(volume: Volume) -> str:
    return "raid" if volume.kind.startswith("raid") else volume.kind


def _parsed(words: Sequence[str]) -> Order:
    order = Order(set(), {}, {}, [])
    ahead, part = iter(words), ""
    for word in ahead:
        if word in _FLAGS:
            order.flags.add(word)
        elif word == "--configreport":
            part = next(ahead)
        elif word == "-o":
            order.columns[part] = next(ahead).split(",")
        elif word == "-S":
            assert next(ahead) == "pvseg_start<0", "a selection that the fake does not know"
        elif word in _VALUES:
            order.values[word] = next(ahead)
        elif word == "--type":
            assert next(ahead) == "full"
        else:
            assert not word.startswith("-"), f"option {word} of LVM is not known to the fake"
            order.rest.append(word)
    return order


def _part(group: Seen, columns: dict[str, list[str]]) -> dict[str, Any]:
    """One volume group of a report, with the columns that were asked for."""
    metadata = group.metadata
    lines: dict[str, list[dict[str, str]]] = {
        "vg": [
            {
                "vg_uuid": metadata.uuid,
                "vg_name": metadata.name,
                "vg_size": str(sum(disk.size for disk in group.used) or disks.GIB),
                "vg_exported": "exported" if metadata.exported else "",
                "vg_systemid": metadata.system_id,
                "vg_autoactivation": "enabled" if metadata.autoactivation else "",
                "vg_lock_type": metadata.lock_type,
            }
        ],
        "pv": [_physical(uuid, group.places.get(uuid, [])) for uuid in metadata.disks],
        "lv": [_logical(volume) for volume in metadata.volumes],
        "seg": [{"lv_uuid": volume.uuid, "segtype": volume.kind} for volume in metadata.volumes],
        "pvseg": [],
    }
    return {part: [{name: row[name] for name in columns[part]} for row in rows] for part, rows in lines.items()}


def _physical(uuid: str, places: list[Attached]) -> dict[str, str]:
    if not places:
        return {"pv_uuid": uuid, "pv_name": "[unknown]", "pv_size": "0", "pv_missing": "missing"}
    return {"pv_uuid": uuid, "pv_name": places[0].path, "pv_size": str(places[0].disk.size), "pv_missing": ""}


def _logical(volume: Volume) -> dict[str, str]:
    return {
        "lv_uuid": volume.uuid,
        "lv_name": volume.name,
        "lv_size": str(volume.size),
        "lv_role": "public",
        "lv_skip_activation": "skip activation" if volume.skips_activation else "",
        "origin": "",
        "pool_lv": "",
    }
