"""Has a server let go of a resource? What the core says of it.

A server that is ALIVE answers for itself: OSU there means that the core has stopped it there, or has never started it.
A server that the core calls dead may run: LifeKeeper does not say whether it was fenced. So such a server counts as
fenced only where the administrator says that this core fences before it starts anything elsewhere
(LVMKIT_CORE_FENCES); else nobody takes its volume groups over, and every look at the cluster says so (110413).
"""

from __future__ import annotations

from lvmkit.cluster.lifekeeper import lcdi, status
from lvmkit.cluster.lifekeeper.records import Site
from lvmkit.model.instance import IN_SERVICE, OSU
from lvmkit.model.standing import ACTIVE, FENCED, STOPPED, STRANGER, UNCLEAR, UNFENCED, Standing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cluster.lifekeeper.lcdi import Commands


class LifeKeeperMembership:
    """The membership of a server that runs LifeKeeper. lcdstatus is run once, when it is needed."""

    def __init__(self, how: Commands, local: str, *, fences: bool) -> None:
        """local: the name of this server.  fences: whether a server that the core calls dead was fenced."""
        self._how, self._local, self._fences = how, local, fences
        self._machines: dict[str, str] = {}

    def servers(self) -> tuple[str, ...]:
        """All servers that the core knows, also those that are dead. Raises Failure as the commands do."""
        return tuple(self._known())

    def numbers(self) -> dict[str, int]:
        """None: the core gives its servers no numbers."""
        return {}

    def standing(self, owner: str, tag: str) -> Standing:
        """What the core says of the previous owner of a volume group. Raises Failure as the commands do.

        owner: a system ID, which is a server's name.  tag: that of the volume group here.
        """
        state = self._known().get(owner)
        if state is None:
            return Standing(STRANGER)
        if state != status.ALIVE:
            if self._fences:
                return Standing(FENCED)
            return Standing(UNFENCED, "LifeKeeper calls it dead and does not say whether it was fenced")
        place = self._place(owner, tag)
        if place is None:
            return Standing(UNCLEAR, "LifeKeeper has no equivalency of it there")
        return _judge(self._state(place), place)

    def _known(self) -> dict[str, str]:
        if not self._machines:
            self._machines = dict(status.parse(lcdi.lcdstatus(self._how), self._local).machines)
        return self._machines

    def _place(self, server: str, tag: str) -> Site | None:
        """The resource by its tag on another server."""
        here = Site(self._local, tag)
        for pair in lcdi.eqv_list(self._how):
            if here in (pair.one, pair.other):
                other = pair.other if pair.one == here else pair.one
                if other.server == server:
                    return other
        return None

    def _state(self, place: Site) -> str:
        for instance in lcdi.ins_list(self._how, place.server, place.server):
            if instance.tag == place.tag:
                return instance.state
        return ""


def _judge(state: str, place: Site) -> Standing:
    if state == OSU:
        return Standing(STOPPED)
    if state in IN_SERVICE:
        return Standing(ACTIVE, f"{place.tag} is {state} there")
    return Standing(UNCLEAR, f"{place.tag} is {state or 'not there'}")
