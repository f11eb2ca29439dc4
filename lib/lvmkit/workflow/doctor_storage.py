"""What doctor finds of LVM on this server, and of each protected volume group as this server sees it."""

from __future__ import annotations

import os

from lvmkit.guards import metadata, reservation, system_id
from lvmkit.model import family
from lvmkit.model.facts import LvFacts, VgFacts, devices_below
from lvmkit.model.instance import IN_SERVICE, LVMLV
from lvmkit.model.messages import Failure
from lvmkit.model.messages.boot import (
    AutoactivationOn,
    DevicesHidden,
    LvmTooOld,
    NotListed,
    OwnerMissing,
    SystemIdDiffers,
    SystemIdShared,
)
from lvmkit.model.messages.extend import ActiveOutsideCluster
from lvmkit.model.messages.guards import DegradedStaysHome
from lvmkit.model.messages.service import LvRenamed, VgForeign, VgNotFound, VgRenamed
from lvmkit.model.messages.storage import Lvm1Metadata
from lvmkit.model.settings import DEGRADED
from lvmkit.model.value import Value
from lvmkit.resources import bringing_up
from lvmkit.storage import dm, lkvgs, lvm1, lvmconf, lvmsight, sysfs
from lvmkit.workflow import owner, replication
from lvmkit.workflow.reservation import beside_others

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lvmkit.cluster.port import Overview
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.instance import Instance
    from lvmkit.model.messages import Message
    from lvmkit.model.volumes import VolumeGroup
    from lvmkit.plan import Kit

    Told = tuple[str, Message]
    """what it is about, and what there is to say"""


class Look(Value):
    """Where a look is taken from: this server, and what the engine says of all."""

    kit: Kit
    seen: Overview

    @property
    def server(self) -> str:
        """This server, by its name in the cluster."""
        return self.seen.local

    @property
    def hierarchy(self) -> Hierarchy:
        """The hierarchy of this server."""
        return self.seen.of(self.server)


def storage_findings(look: Look) -> Iterator[Told]:
    """LVM itself, then every protected volume group of this server, from one report of LVM where all is well.

    Raises Failure as LVM's commands do; what was found before that has been told.
    """
    lvm = look.kit.lvm
    version = lvmconf.version(lvm)
    if lvmsight.is_too_old(version):
        yield "LVM", LvmTooOld(version, lvmsight.OLDEST)
        return  # the report would not be understood
    for vg, disks in lvm1.groups(deadline=look.kit.settings.probe_deadline).items():
        yield "LVM", Lvm1Metadata(vg, disks)
    groups = family.groups(look.hierarchy.instances)
    if not groups:
        return
    conf = lvmconf.load(lvm)
    yield from (("LVM", message) for message in _identity(look, conf))
    reported = lvm.report()
    yield from _unlisted(groups, look)
    for instance in groups:
        yield from _look_at(instance, reported, conf, look)


def _look_at(instance: Instance, reported: Sequence[VolumeGroup], conf: lvmconf.LvmConf, look: Look) -> Iterator[Told]:
    """One volume group; what cannot be found out of it does not keep doctor from the next."""
    try:
        for message in _group(instance, reported, conf, look):
            yield instance.tag, message
    except Failure as failure:
        yield from ((instance.tag, message) for message in failure.messages)


def _group(instance: Instance, reported: Sequence[VolumeGroup], conf: lvmconf.LvmConf, look: Look) -> Iterator[Message]:
    subject = VgFacts.unpack(instance, look.hierarchy)
    vg = lvmsight.by_uuid(reported, subject.uuid)
    yield from replication.findings(subject, look.kit)
    if replication.is_elsewhere(subject):
        yield from () if vg is None else metadata.against_disks_below(vg, look.kit.settings.probe_deadline)
        return
    if vg is None or vg.missing:
        on_disks = lvmsight.by_uuid(_on_known_disks(instance, look), subject.uuid)
        hidden = lvmsight.hidden_devices(vg, on_disks)
        if hidden:
            yield DevicesHidden(subject.name, hidden, lvmsight.who_hides(conf))
            vg = on_disks
    vg = vg or next((each for each in reported if each.name == subject.name), None)
    if vg is None:
        yield VgNotFound(subject.name, subject.uuid)
        return
    yield from metadata.against(vg, subject, look.kit.settings)
    if vg.uuid == subject.uuid:
        yield from _renamed(vg, subject, look)
        yield from _exposed(vg, instance, subject, look)
        yield from _stays_home(vg, subject, look)
        yield from _reserved(vg, subject, look)
        yield from bringing_up.against_lack_of_room(vg, vg.expected)


def _renamed(vg: VolumeGroup, subject: VgFacts, look: Look) -> Iterator[Message]:
    """What has another name now than the one that it was protected under."""
    if vg.name != subject.name:
        yield VgRenamed(subject.name, vg.name)
    for volume in map(LvFacts.noted, look.hierarchy.of_tags(look.hierarchy.parents(subject.tag), LVMLV)):
        lv = vg.lv(volume.uuid)
        if lv is not None and lv.name != volume.name:
            yield LvRenamed(vg.name, volume.name, lv.name)


def _exposed(vg: VolumeGroup, instance: Instance, subject: VgFacts, look: Look) -> Iterator[Message]:
    """Whoever else could activate it: the boot, or another host; and what a hand has activated here."""
    if vg.autoactivation:
        yield AutoactivationOn(vg.name)
    if not look.kit.port.capabilities.several_servers:
        return
    servers = (look.server, *look.seen.others)
    if not vg.system_id:
        yield OwnerMissing(subject.name, servers)
    yield from system_id.strangers(vg, servers, look.kit.lvm)
    if vg.system_id in look.seen.others and instance.state in IN_SERVICE:
        yield VgForeign(vg.name, vg.system_id, look.server)
    held = tuple(device.name for device in dm.of_vg(dm.list_devices(), vg.uuid))
    if held and instance.state not in IN_SERVICE:
        yield ActiveOutsideCluster(vg.name, look.server, held)


def _stays_home(vg: VolumeGroup, subject: VgFacts, look: Look) -> Iterator[Message]:
    """Whether the policy 'degraded' promises what LVM does not do on another server."""
    if metadata.policy_of(subject, look.kit.settings) != DEGRADED or not vg.system_id:
        return
    version = lvmconf.version(look.kit.lvm)
    if lvmsight.asks_for_all_disks(version):
        yield DegradedStaysHome(vg.name, f"LVM {version} changes the owner of whole groups only")
    elif len(vg.physical) % 2 == 0:
        why = f"LVM changes the owner only where more than half of the {len(vg.physical)} physical volumes are left"
        yield DegradedStaysHome(vg.name, why)


def _reserved(vg: VolumeGroup, subject: VgFacts, look: Look) -> Iterator[Message]:
    """Who holds its disks, where they are to be reserved, and what speaks against that."""
    if not subject.is_reserved:
        return
    yield from beside_others(vg, look.kit)
    against = reservation.against(vg, subject, look.kit.host)
    yield from against or reservation.shown(vg, look.kit.host)


def _unlisted(groups: Sequence[Instance], look: Look) -> Iterator[Told]:
    """Those of the groups that the boot guard does not know."""
    path = look.kit.paths.lkvgs
    try:
        listed = lkvgs.entries(path)
    except Failure as failure:
        yield from ((path, message) for message in failure.messages)
        return
    for instance in groups:
        group = VgFacts.noted(instance)
        if group.name and not any(lkvgs.means(entry, group.name, group.uuid) for entry in listed):
            yield instance.tag, NotListed(group.name, path)


def _identity(look: Look, conf: lvmconf.LvmConf) -> Iterator[Message]:
    """As which host LVM's own commands speak here; only an owner in the metadata gives that a meaning."""
    if not owner.is_wanted(look.kit):
        return
    own = look.kit.lvm.own_system_id()
    claims = {"local/extra_system_ids": conf.extra_system_ids, "global/system_id_source": (own,)}
    for setting, ids in claims.items():
        foreign = tuple(each for each in ids if each in look.seen.others)
        if foreign:
            yield SystemIdShared(look.server, foreign, setting)
    if own != look.server and own not in look.seen.others:
        yield SystemIdDiffers(look.server, own or "none", conf.system_id_source, _change(look.server))


def _change(server: str) -> str:
    """The lines of LVM's configuration that make a plain command speak as this server (lvmsystemid(7))."""
    if os.uname().nodename == server:
        return 'global { system_id_source = "uname" } in /etc/lvm/lvm.conf'
    return (
        'global { system_id_source = "lvmlocal" } in /etc/lvm/lvm.conf and'
        f' local {{ system_id = "{server}" }} in /etc/lvm/lvmlocal.conf'
    )


def _on_known_disks(instance: Instance, look: Look) -> tuple[VolumeGroup, ...]:
    """What LVM finds on the disks of the hierarchy when it is told to look at them; --devices passes all filters."""
    paths = tuple(device.id for device in devices_below(look.hierarchy, instance.tag))
    if not any(map(sysfs.number_of, paths)):
        return ()
    return look.kit.lvm.report(devices=paths)
