"""Other servers' kernels: which device-mapper devices they hold.

The kit there is not asked: dmsetup is one process and no interpreter, and says the same whatever version of the kit is
there, and where there is none. The answer begins with the boot ID, by which this server knows itself: a name that leads
back to it must not pass for another server that holds nothing.
"""

from __future__ import annotations

import time

from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.model.messages.extend import AnswerGarbled
from lvmkit.model.messages.peer import AnsweredByItself
from lvmkit.model.messages.storage import CommandFailed
from lvmkit.model.value import Value
from lvmkit.storage.boot import boot_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lvmkit.host import Devices
    from lvmkit.peer.transport import Underway
    from lvmkit.storage.run import Finished

_MARK = "lvmkit-boot"
LOOK = (
    "/bin/sh",
    "-c",
    f'read -r boot < /proc/sys/kernel/random/boot_id && echo "{_MARK} $boot" &&'
    " exec /usr/sbin/dmsetup info -c --noheadings --separator ' ' -o name,uuid",
)
"""what runs on the other server; a fixed text, because two things can be read in one process only by a shell"""
_SHORTEST = 0.1
"""seconds for those who are asked when the patience has been used up by others"""


class Kernels(Value):
    """Other servers' kernels. ssh: path of the program that connects to them."""

    ssh: str

    def devices(self, servers: Sequence[str], *, patience: float) -> Mapping[str, Devices | Failure]:
        """For each server all devices of LVM that its kernel holds, or why it does not say: a host.Peers."""
        from lvmkit.peer import transport  # only where there are other servers

        answers = transport.run_on_each(servers, LOOK, self.ssh, deadline=patience)
        return {server: _read(server, answers[server]) for server in servers}


class KernelsAskedEarly:
    """The same, some of whom were asked before anybody needs to know: so it takes no time when somebody does.

    Whoever is not asked about in the end is not waited for.
    """

    def __init__(self, servers: Iterable[str], ssh: str) -> None:
        """Ask these servers now."""
        from lvmkit.peer.transport import Underway

        self._ssh = ssh
        self._asked: dict[str, Underway] = {}
        for server in servers:
            try:
                self._asked[server] = Underway(server, LOOK, ssh)
            except Failure:
                continue  # no name of a server: whoever asks about it is told so

    def devices(self, servers: Sequence[str], *, patience: float) -> Mapping[str, Devices | Failure]:
        """As Kernels.devices(); an answer that has been given out is asked for anew."""
        limit = time.monotonic() + patience
        answers: dict[str, Devices | Failure] = {}
        for server in servers:
            underway = self._asked.pop(server, None)
            if underway is not None:
                left = max(limit - time.monotonic(), 0.0)
                answers[server] = _read(server, underway.outcome(deadline=left))
        late = [server for server in servers if server not in answers]
        if late:
            left = max(limit - time.monotonic(), _SHORTEST)
            answers.update(Kernels(self._ssh).devices(late, patience=left))
        return answers


def _read(server: str, answer: Finished | Failure) -> Devices | Failure:
    """The devices of LVM in an answer. What a login script prints before it is passed over."""
    if isinstance(answer, Failure):
        return answer
    lines = [line.strip() for line in answer.stdout.splitlines()]
    marks = [number for number, line in enumerate(lines) if line.startswith(f"{_MARK} ")]
    if marks and lines[marks[0]] == f"{_MARK} {boot_id()}":
        return Failure(AnsweredByItself(server))
    if answer.status:
        return Failure(CommandFailed("dmsetup info", str(answer.status), answer.stderr.strip() or "no reason given"))
    if not marks:
        return Failure(AnswerGarbled(server, "its boot ID is missing"))
    rows = (line.partition(" ") for line in lines[marks[0] + 1 :])
    return tuple((name, uuid) for name, _, uuid in rows if uuid.startswith(names.DM_PREFIX))
