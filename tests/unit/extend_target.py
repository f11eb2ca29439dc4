"""A server, n1, that is to take the hierarchies of another one, n2: a machine; the engine is in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lvmkit.cluster.port import Change
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import DEVICE, DISK, FILESYS, ISP, LVMLV, LVMVG, Dependency
from lvmkit.model.messages import Failure
from lvmkit.model.value import replace
from lvmkit.storage import lkvgs
from lvmkit.workflow.extend import ExtendRequest, extend, preview
from tests.unit.fakes import SERVER, FakeCluster, has_journal, instance, kit, on
from tests.unit.local_storage import BY_ID, VG_UUID, Storage, lv_uuid, pv_uuid

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from lvmkit.model.messages import Message
    from lvmkit.peer.answers import Preview
    from lvmkit.plan import Kit

TEMPLATE = "n2"
FILESYSTEMS = ("data", "www")
MEMBERS = ("vg1", "vg1/data", "/data", "vg1/www", "/www")


def tree(folder: Path, *roots: str, switchback: str = "INTELLIGENT") -> Hierarchy:
    """File systems that would be mounted below a folder, on volumes of vg1, on two disks; in service on TEMPLATE."""
    found = [
        instance(LVMVG, "vg1", "lvmvg-vg1", ISP, vg_uuid=VG_UUID, autoactivation="y", ownership="system_id"),
        instance(DISK, "disk-A", f"{BY_ID}A", ISP, pv_uuid=pv_uuid("a")),
        instance(DISK, "disk-B", f"{BY_ID}B", ISP, pv_uuid=pv_uuid("b")),
    ]
    links = [Dependency("vg1", "disk-A"), Dependency("vg1", "disk-B")]
    for name in roots or FILESYSTEMS:
        path = f"{folder}/{name}"
        facts = {"device": f"/dev/vg1/{name}", "fstype": "ext4", "options": "rw", "uuid": f"uuid-of-{name}"}
        found += [
            instance(FILESYS, f"/{name}", path, ISP, **facts),
            instance(LVMLV, f"vg1/{name}", f"/dev/vg1/{name}", ISP, vg_uuid=VG_UUID, lv_uuid=lv_uuid(name)),
        ]
        links += [Dependency(f"/{name}", f"vg1/{name}"), Dependency(f"vg1/{name}", "vg1")]
    return on(TEMPLATE, Hierarchy(tuple(found), tuple(links)), switchback=switchback)


class Target:
    """n1, ready for all that n2 has; a test breaks what it is about."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.mounts = folder / "mnt"
        self.mounts.mkdir()
        self.storage = Storage(folder, monkeypatch)
        self.storage.take_down()
        self.storage.change(system_id=TEMPLATE, autoactivation=False)
        self.machine = self.storage.machine
        self.machine.install_agents()
        self.port = Cluster(self.mounts)
        self.told: list[Message] = []
        self.kit: Kit = kit(self.port, folder, self.told.append)

    def hide(self, *letters: str) -> None:
        """LVM's filters leave out these disks."""
        self.machine.lvm.hidden |= {f"sd{letter}" for letter in letters}

    def lose(self, *letters: str) -> None:
        """These disks are not there."""
        for letter in letters:
            self.machine.detach(self.storage.disks[letter])

    def extend(self, tag: str = "/data", priority: int = 0) -> tuple[str, ...]:
        """Extend a tag of TEMPLATE to this server."""
        return extend(ExtendRequest(tag, TEMPLATE, priority), self.kit)

    def preview(self, tag: str = "/data", priority: int = 0) -> Preview:
        """The same, only looked at."""
        return preview(ExtendRequest(tag, TEMPLATE, priority), self.kit)

    def against(self, tag: str = "/data") -> set[type[Message]]:
        """The kinds of messages that a check tells."""
        return {type(message) for message in self.preview(tag).readiness.messages}

    def left(self) -> tuple[Hierarchy, tuple[str, ...], list[str], bool]:
        """All that an extension may change."""
        listed = self.kit.paths.lkvgs
        journal = has_journal(self.kit)
        return self.port.now, lkvgs.listed(listed), sorted(map(str, self.mounts.rglob("*"))), journal


class Cluster(FakeCluster):
    """A cluster that takes servers from tags, too, and keeps priorities."""

    def __init__(self, mounts: Path) -> None:
        super().__init__(None, **{TEMPLATE: tree(mounts)})
        self.refusing: Failure | None = None
        """what a commit raises, once"""

    def commit(self, change: Change) -> None:
        if self.refusing:
            refusing, self.refusing = self.refusing, None
            raise refusing
        super().commit(change)
        if self.capabilities.common_tags:
            self._share_links()

    def _share_links(self) -> None:
        """Links between what is no device are the whole cluster's."""
        shared = (d for there in self.others.values() for d in there.dependencies if not d.child.startswith("disk-"))
        links = dict.fromkeys(
            (*self.now.dependencies, *(d for d in shared if {d.parent, d.child} <= set(self.now.tags)))
        )
        self.now = replace(self.now, dependencies=tuple(links))

    def unextend(self, tags: tuple[str, ...], server: str) -> None:
        super().unextend(tags, server)
        before = self.hierarchy_of(server)
        kept = tuple(i for i in before.instances if i.tag not in tags)
        links = tuple(d for d in before.dependencies if not {d.parent, d.child} & set(tags))
        held = {d.child for d in links}
        after = Hierarchy(tuple(i for i in kept if i.type not in (DEVICE, DISK) or i.tag in held), links)
        if server == SERVER:
            self.now = after
        else:
            self.others[server] = after
