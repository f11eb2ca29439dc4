"""Can a hierarchy of another server run here, too? Everything that speaks against it at once, each with its number.

It runs on the target, for only the target can tell. The guide of 2006 asks the administrator (step 6) to bring every
new hierarchy in service once on each server by hand, so that LVM there learns of the volume group. Nothing has to be
learnt any more: LVM reads its metadata from the disks with each command. What is left of that step is what could keep
it from doing so, and that is verified here: this server's own LVM, with its own filters and devices file, reports the
volume group by its UUID, whole, every physical volume by its UUID, once, under a name that is free; its device-mapper
does not hold it; and the mount point, the kernel's file system and the cluster's agents are there.
"""

from __future__ import annotations

import os
import stat
import time

from lvmkit import VERSION, guards
from lvmkit.guards import elsewhere, metadata, reservation, system_id
from lvmkit.model import names
from lvmkit.model.facts import FilesystemFacts, VgFacts, devices_below
from lvmkit.model.family import coming_along, family, foreign_storage, groups
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import FILESYS, LVMLV, Dependency, Instance
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.boot import AgentMissing, GuardNotEnabled, LvmTooOld
from lvmkit.model.messages.extend import (
    DevicesNotAllowed,
    FilesystemUnknown,
    MountPointNotEmpty,
    MountPointUnusable,
    MovesAlong,
    ServerSetAside,
    VgNameTaken,
    VgUuidTwice,
)
from lvmkit.model.messages.guide import (
    CanextendNotAccessible,
    DepstoextendNotAccessible,
    DeviceNotExtendable,
    ExtendNotAccessible,
    TemplateAlreadyExtended,
    TemplateDoesNotExist,
)
from lvmkit.model.messages.mounts import AutomountInTheWay
from lvmkit.model.messages.pacemaker import ServerUnfit, UnknownServer
from lvmkit.model.messages.service import PvsMissing
from lvmkit.model.messages.storage import MountsNested
from lvmkit.model.resource_types import has_scripts
from lvmkit.model.settings import COMPLETE
from lvmkit.model.value import Value, replace
from lvmkit.peer.answers import Readiness
from lvmkit.resources import mounts, scripts
from lvmkit.storage import files, installed, lvmconf, lvmsight, mountinfo, sysfs
from lvmkit.workflow import nesting, other_kits, replication
from lvmkit.workflow.boot_mounts import boot_mounts, inactive_group
from lvmkit.workflow.create import mounted_twice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lvmkit.cluster.port import Overview
    from lvmkit.model.settings import Settings
    from lvmkit.model.volumes import VolumeGroup
    from lvmkit.plan import Kit

_SET_ASIDE = frozenset({"standby", "in maintenance"})
"""why a server is unfit only because somebody wants it so"""
_BY_PV_UUID = "/dev/disk/by-id/lvm-pv-uuid-"
"""udev's link to a physical volume; it knows nothing of LVM's filters (60-persistent-storage.rules)"""


class Case(Value):
    """A hierarchy that is to be extended to this server, as the cluster knows it."""

    kit: Kit
    tag: str
    template: str
    """the server whose hierarchy it is"""
    seen: Overview
    members: tuple[Instance, ...]
    """all that moves together, on the template, children first"""

    @property
    def server(self) -> str:
        """The target: this server."""
        return self.seen.local

    @property
    def here(self) -> Hierarchy:
        """What this server has already."""
        return self.seen.of(self.server)

    @property
    def there(self) -> Hierarchy:
        """What the template has."""
        return self.seen.of(self.template)

    @property
    def new(self) -> tuple[Instance, ...]:
        """The members that this server does not have."""
        return tuple(member for member in self.members if self.here.by_tag(member.tag) is None)

    @property
    def filesystems(self) -> tuple[Instance, ...]:
        """The new members that are mounted."""
        return tuple(member for member in self.new if member.type == FILESYS)

    def is_nested(self, filesystem: Instance) -> bool:
        """Whether the mount point of a member is in another file system, which will be mounted first."""
        links = (Dependency(filesystem.tag, child) for child in self.there.children(filesystem.tag))
        return any(nesting.is_nesting(link, self.there) for link in links)


class Examination(Value):
    """The answer, and what it was found out of, for a plan to be made from it."""

    case: Case
    readiness: Readiness
    groups: tuple[VolumeGroup, ...]
    """the members' volume groups, as this server sees them; only those it does see"""


def canextend(tag: str, template: str, kit: Kit) -> Readiness:
    """Whether the hierarchy of a tag can be extended from a server to this one; changes nothing.

    Raises Failure: 000003 where the template server has no such tag, and where the engine cannot be asked. All else is
    in the answer's messages; those of level ERROR forbid the extension.
    """
    return examine(tag, template, kit).readiness


def examine(tag: str, template: str, kit: Kit) -> Examination:
    """The same, with what was found. Raises Failure as canextend()."""
    case = case_of(tag, template, kit)
    if not case.new:
        extended = TemplateAlreadyExtended(tag, case.server)
        return Examination(case, _readiness(case, "", (extended,), ()), ())
    told: list[Message] = [*_tell_along(case)]
    version, reported = _ask_lvm(case, told)
    for look in (_against_cluster, _against_means, _against_mount_points, _lacking_storage):
        told += _take(look, case)
    present = []
    for instance in groups(case.members) if version else ():
        vg, against = _group(instance, reported, case)
        told += against
        if vg is not None:
            present.append(vg)
    readiness = _readiness(case, version, tuple(dict.fromkeys(told)), tuple(present))
    return Examination(case, readiness, tuple(present))


def case_of(tag: str, template: str, kit: Kit) -> Case:
    """What is asked about. Raises Failure (000003)."""
    seen = kit.port.overview()
    there = seen.of(template)
    if there.by_tag(tag) is None:
        raise Failure(TemplateDoesNotExist(tag, template))
    return Case(kit, tag, template, seen, family(tag, there))


def _readiness(case: Case, version: str, told: tuple[Message, ...], present: tuple[VolumeGroup, ...]) -> Readiness:
    devices = []
    for vg in present:
        for pv in vg.physical:
            if pv.device:
                devices.append((pv.uuid, pv.device))
    return Readiness(case.server, VERSION, version, time.time(), told, tuple(devices))


def _take(look: Callable[[Case], Iterator[Message]], case: Case) -> Iterator[Message]:
    """What one look finds; one that cannot be taken says why, and hides nothing else."""
    try:
        yield from look(case)
    except Failure as failure:
        yield from failure.messages


def _tell_along(case: Case) -> Iterator[Message]:
    """What stands on the same volume groups without being above or below the tag."""
    others = coming_along(case.tag, case.new, case.there)
    if others:
        yield MovesAlong(case.tag, others)


def _ask_lvm(case: Case, told: list[Message]) -> tuple[str, tuple[VolumeGroup, ...]]:
    """(LVM's version, all volume groups that it reports here); ('', ()) where it cannot be asked, and told why."""
    lvm = case.kit.lvm
    try:
        version = lvmconf.version(lvm)
        if lvmsight.is_too_old(version):
            told.append(LvmTooOld(version, lvmsight.OLDEST))
            return "", ()
        return version, lvm.report()
    except Failure as failure:
        told += failure.messages
        return "", ()


def _against_cluster(case: Case) -> Iterator[Message]:
    """The cluster as a whole, and this server as a member of it."""
    yield from case.seen.warnings
    known = {server.name: server for server in case.seen.servers}
    own = known.get(case.server)
    if own is None:
        yield UnknownServer(case.server, tuple(known))
    elif own.unfit and set(own.unfit.split(", ")) <= _SET_ASIDE:
        yield ServerSetAside(own.name, own.unfit)
    elif own.unfit:
        yield ServerUnfit(own.name, case.tag, own.unfit)


def _against_means(case: Case) -> Iterator[Message]:
    """What must be installed for the cluster to run it here, and for the boot not to."""
    if case.kit.port.capabilities.needs_agents:
        yield from map(AgentMissing, installed.missing_agents())
    for member in {member.type: member for member in case.members if has_scripts(member.type)}.values():
        yield from _against_scripts(member, case)
    yield from other_kits.against(case.new, case.server, case.kit)
    state = installed.guard_state()
    if state:
        yield GuardNotEnabled(installed.GUARD_UNIT, state)


def _against_scripts(member: Instance, case: Case) -> Iterator[Message]:
    """The scripts of a type of ours that an engine runs, and those that a parent kit calls to extend it here."""
    try:
        scripts.refuse_uninstalled(member, case.server, case.kit.paths)
    except Failure as failure:
        yield from failure.messages
        return
    admin = f"{case.kit.paths.kits}/lkadm/subsys/{member.app}/{member.type}/bin"
    if not installed.is_program(f"{admin}/canextend"):
        yield CanextendNotAccessible(case.server)
    if not installed.is_program(f"{admin}/extend"):
        yield ExtendNotAccessible(f"{admin}/extend", case.server)
    if not installed.is_program(f"{admin}/depstoextend"):
        yield DepstoextendNotAccessible(f"{admin}/depstoextend", case.server)


def _against_mount_points(case: Case) -> Iterator[Message]:
    """Where the file systems would be mounted, and whether the kernel knows them."""
    for instance in case.filesystems:
        subject = FilesystemFacts.unpack(instance)
        if not case.is_nested(instance):
            yield from _against_folder(subject.mount_point, case.server)
        yield from _untied(instance, case)
        for volume in case.there.of_tags(case.there.children(instance.tag), LVMLV):
            yield from mounted_twice(subject.mount_point, volume.tag, case.there)
        if not installed.knows_filesystem(subject.type):
            yield FilesystemUnknown(case.server, subject.type, subject.mount_point)
    for group in groups(case.members):
        yield from boot_mounts(inactive_group(group, case.there), case.kit)


def _untied(filesystem: Instance, case: Case) -> Iterator[MountsNested]:
    """File systems of this server, within it or around it, with which no dependency orders it."""
    strangers = Hierarchy(tuple(each for each in case.here.instances if case.there.by_tag(each.tag) is None))
    for outer in nesting.around(filesystem.id, strangers):
        yield MountsNested(filesystem.id, outer.id)
    for inner in nesting.within(filesystem.id, strangers):
        yield MountsNested(inner.id, filesystem.id)


def _against_folder(path: str, server: str) -> Iterator[Message]:
    """What is wrong with a mount point; a folder that is not there is made."""
    mounted = mountinfo.at(mountinfo.real(path))
    if mounted is not None and mounts.is_automount(mounted):
        yield AutomountInTheWay(path, names.automount_unit(mounted.mount_point))
        return
    if mounted is not None:
        yield MountPointUnusable(path, server, f"{mounted.shown} is mounted there")
        return
    try:
        mode = os.lstat(path).st_mode
        if not stat.S_ISDIR(mode):
            kind = "a symbolic link" if stat.S_ISLNK(mode) else "not a folder"
            yield MountPointUnusable(path, server, f"it is {kind}")
        elif os.listdir(path):
            yield MountPointNotEmpty(path, server)
    except FileNotFoundError:
        return
    except OSError as error:
        yield MountPointUnusable(path, server, files.why(error))


def _lacking_storage(case: Case) -> Iterator[DeviceNotExtendable]:
    """Storage of other kits that the devices stand on and this server does not have: its own kit extends that."""
    storage = foreign_storage(case.there)
    below = {tag for member in case.members for tag in case.there.below(member.tag)}
    for instance in case.there.of_tags(storage & below):
        if case.here.by_tag(instance.tag) is None:
            yield DeviceNotExtendable(instance.id, instance.tag, f"{case.server} does not have it.")


def _group(
    instance: Instance, reported: tuple[VolumeGroup, ...], case: Case
) -> tuple[VolumeGroup | None, tuple[Message, ...]]:
    """A volume group as this server sees it, and what is against it."""
    subject = VgFacts.unpack(instance, case.there)
    vg = lvmsight.by_uuid(reported, subject.uuid)
    if replication.volumes(subject):
        return replication.stand_in(subject), tuple(_against_replica(subject, vg, reported, instance, case))
    known = _recorded_devices(instance, case.there)
    told: list[Message] = []
    try:
        told += _against_holders(subject, instance, case)
        told += _against_names(subject, reported, case.server)
        on_disks = _report_on_disks(vg, subject, known, case) if vg is None or vg.missing else None
        hidden = lvmsight.hidden_devices(vg, on_disks)
        if hidden:
            setting = lvmsight.who_hides(lvmconf.load(case.kit.lvm))
            told.append(DevicesNotAllowed(subject.name, case.server, hidden, setting))
            vg = on_disks
        told += _against_metadata(vg, subject, known, case.kit.settings)
        if vg is not None:
            told += _against_owner(vg, instance, case)
            told += _against_reservation(vg, instance, case)
    except Failure as failure:
        told += failure.messages
    return vg, tuple(told)


def _against_replica(
    subject: VgFacts, vg: VolumeGroup | None, reported: tuple[VolumeGroup, ...], instance: Instance, case: Case
) -> Iterator[Message]:
    """The same of a group on replicated devices, which nobody can read here: the resource is asked in LVM's place.

    vg: as LVM sees it here, which it should not.
    """
    looks = (
        lambda _case: _against_holders(subject, instance, case),
        lambda _case: _against_names(subject, reported, case.server),
        lambda _case: iter(() if vg is None else metadata.against_disks_below(vg, case.kit.settings.probe_deadline)),
        lambda _case: replication.against_takeover(subject, case.kit, from_other=True),
        lambda _case: replication.against_promoter(subject, case.kit),
    )
    for look in looks:
        yield from _take(look, case)


def _against_holders(subject: VgFacts, instance: Instance, case: Case) -> Iterator[Message]:
    """Servers, this one or another, whose kernel holds the group although the cluster has not started it there."""
    told: list[Message] = []
    started = case.seen.in_service_on(instance.tag)
    idle = tuple(name for name in case.seen.names if name not in started)
    host = replace(case.kit, tell=told.append).host
    yield from elsewhere.against(subject.name, guards.held(subject.name, subject.uuid, idle, host))
    yield from told


def _against_names(subject: VgFacts, reported: tuple[VolumeGroup, ...], server: str) -> Iterator[Message]:
    """Other groups with the same name, or the same UUID."""
    for vg in reported:
        if vg.name == subject.name and vg.uuid != subject.uuid:
            yield VgNameTaken(subject.name, server, vg.uuid)
    same = tuple(vg.name for vg in reported if vg.uuid == subject.uuid)
    if len(same) > 1:
        yield VgUuidTwice(subject.name, subject.uuid, server, same)


def _recorded_devices(instance: Instance, there: Hierarchy) -> dict[str, str]:
    """{PV UUID: its device on the template server}, as the hierarchy has them."""
    return {device.pv_uuid or device.tag: device.id for device in devices_below(there, instance.tag)}


def _report_on_disks(vg: VolumeGroup | None, subject: VgFacts, known: dict[str, str], case: Case) -> VolumeGroup | None:
    """The group as LVM sees it when it is told where to look: --devices passes filters and devices file."""
    own = vg.physical if vg is not None else ()
    uuids = dict.fromkeys((*known, *(pv.uuid for pv in own)))
    paths = (*known.values(), *(pv.device for pv in own), *(f"{_BY_PV_UUID}{uuid}" for uuid in uuids))
    present = tuple(path for path in paths if sysfs.number_of(path))
    if not present:
        return None
    return lvmsight.by_uuid(case.kit.lvm.report(devices=present), subject.uuid)


def _against_metadata(
    vg: VolumeGroup | None, subject: VgFacts, known: dict[str, str], settings: Settings
) -> tuple[Message, ...]:
    """Every physical volume must be seen, by its UUID and once; exported groups are nobody's."""
    if vg is None:
        return (PvsMissing(subject.name, len(known), tuple(f"{uuid} ({device})" for uuid, device in known.items())),)
    return metadata.against(vg, replace(subject, missing_pv=COMPLETE), settings)


def _against_owner(vg: VolumeGroup, instance: Instance, case: Case) -> tuple[Message, ...]:
    """Whether a start here could become the owner, or may do without."""
    if not VgFacts.noted(instance).has_owner:
        return system_id.against(vg, case.kit.lvm)
    return system_id.against_extension(vg, case.server, case.seen.names, case.kit.lvm)


def _against_reservation(vg: VolumeGroup, instance: Instance, case: Case) -> tuple[Message, ...]:
    """Whether a start here could reserve the disks, where it is to."""
    group = VgFacts.noted(instance)
    return reservation.against_disks(vg, group, case.kit.host) if group.is_reserved else ()
