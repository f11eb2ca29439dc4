"""What a change on this server means for the others of the cluster, done there by their own kit.

It comes after the change, which stands whatever becomes of this: what could not be done is named with its remedy.
"""

from __future__ import annotations

from lvmkit.cluster import transport
from lvmkit.model import names
from lvmkit.model.instance import LVMVG
from lvmkit.model.messages import Failure
from lvmkit.model.messages.extend import NotFollowedThere, StillListedThere
from lvmkit.model.messages.pacemaker import ServerUnfit
from lvmkit.storage import lkvgs, records
from lvmkit.workflow.wire import complaint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.cluster.port import Overview
    from lvmkit.model.instance import Instance
    from lvmkit.plan import Kit


def others(tag: str, seen: Overview) -> tuple[str, ...]:
    """The servers besides this one that a tag is extended to."""
    return tuple(s.name for s in seen.servers if s.name != seen.local and seen.of(s.name).by_tag(tag) is not None)


def follow(tag: str, kit: Kit) -> None:
    """Have a volume group's hierarchy follow the group's disks on the other servers, whose paths are their own."""
    seen = kit.port.overview()
    for server in others(tag, seen):
        try:
            _run_there(server, ("reconfigure", tag, "--yes", "--here"), seen, kit)
        except Failure as failure:
            kit.tell(NotFollowedThere(server, tag, str(failure)))


def forget_there(gone: Iterable[Instance], servers: Iterable[str], kit: Kit) -> None:
    """Have other servers take the volume groups among deleted instances off their /etc/lkvgs."""
    groups = tuple(filter(None, (names.vg_of_lvmvg_id(i.id) for i in gone if i.type == LVMVG)))
    seen = kit.port.overview()
    for server in servers if groups else ():
        try:
            _run_there(server, ("forget", *groups), seen, kit)
        except Failure:
            kit.tell(StillListedThere(server, groups))


def forget(vg: str, kit: Kit) -> bool:
    """Take a volume group off this server's /etc/lkvgs and drop its record; False where neither named it.

    The caller has made sure that it is not protected here any more. Raises Failure (110007).
    """
    resource_id = names.lvmvg_id(vg)
    is_known = vg in lkvgs.listed(kit.paths.lkvgs) or records.load(kit.paths, resource_id) is not None
    lkvgs.remove(kit.paths.lkvgs, vg)
    records.drop(kit.paths, resource_id)
    return is_known


def _run_there(server: str, words: tuple[str, ...], seen: Overview, kit: Kit) -> None:
    """Run the kit on another server. Raises Failure with what it said where it did not succeed."""
    found = next((each for each in seen.servers if each.name == server), None)
    if found is None or not found.online:
        raise Failure(ServerUnfit(server, words[1], "offline"))
    argv = (f"{kit.paths.lkroot}/bin/lvmkit", *words)
    answer = transport.run_on(server, argv, kit.settings, deadline=kit.settings.action_deadline)
    if answer.status:
        raise complaint(answer)
