"""The agent for a file system on a volume: mounted, with the options it had, and still writable.

| at the mount point is | monitor | start | stop |
|---|---|---|---|
| nothing | 7 | mounts | 0 |
| this file system | 0 | 0 | unmounts |
| this file system, read-only though it should be written to | 1 | 0 | unmounts |
| another one | 7; it is never touched | 1 | 0 |

Nothing is opened below the mount point: the mount table and sysfs answer at once, whatever the disks are like.
"""

from __future__ import annotations

import os

from lvmkit.entry.ocf.answer import Answer
from lvmkit.entry.ocf.request import NOTHING_TO_STOP, Call, asked, checked, stoppable
from lvmkit.model.facts import FilesystemFacts
from lvmkit.model.messages import OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS, Failure
from lvmkit.workflow import filesystem_check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.entry.ocf.request import Errand


class FilesystemRequest(Call):
    """One call of the agent."""

    filesystem: FilesystemFacts


def parsed(errand: Errand, *, for_stop: bool = False) -> FilesystemRequest:
    """The call with its parameters checked. for_stop: what only a start looks at may be wrong.

    Raises Failure (110130, 110131) with everything that is wrong.
    """
    given = checked(errand, for_stop=for_stop)
    subject = FilesystemFacts(errand.name, given["directory"], given["device"], given["fstype"], given["options"])
    return FilesystemRequest(**asked(errand).as_dict(), filesystem=subject)


def monitor(errand: Errand) -> Answer:
    """What the mount table says. No process is started, and nothing waits for a disk."""
    filesystem = parsed(errand).filesystem
    if filesystem_check.mounted(filesystem) is None:
        return Answer(OCF_NOT_RUNNING)
    faults = tuple(filesystem_check.faults(filesystem))
    return Answer(OCF_ERR_GENERIC if faults else OCF_SUCCESS, faults)


def start(errand: Errand) -> str:
    """Mount; returns in a few words what was done. Raises Failure (110026, 110027) when it is not mounted then."""
    from lvmkit.entry.ocf.tools import kit
    from lvmkit.workflow.filesystem import mount

    request = parsed(errand)
    return mount(request.filesystem, kit(request, errand.paths, errand.voice.tell))


def stop(errand: Errand) -> str:
    """Unmount; returns in a few words what was done. Raises Failure (110024, 110030) when it is mounted still.

    What is mounted within it goes too: a stop that fails has the node fenced, which ends that as well, and more.
    """
    from lvmkit.entry.ocf.tools import kit
    from lvmkit.workflow.filesystem import unmount

    request = stoppable(lambda: parsed(errand, for_stop=True), errand.voice.tell)
    if request is None:
        return NOTHING_TO_STOP
    return unmount(request.filesystem, kit(request, errand.paths, errand.voice.tell), with_all_below=True)


def validate(errand: Errand) -> str:
    """See that a start could be tried here: mount is installed. Returns ''. Raises Failure (110060, 110130, 110131)."""
    from lvmkit.model.messages.storage import CommandMissing
    from lvmkit.workflow.filesystem import MOUNT

    parsed(errand)
    if not os.access(MOUNT, os.X_OK):
        raise Failure(CommandMissing(MOUNT))
    return ""
