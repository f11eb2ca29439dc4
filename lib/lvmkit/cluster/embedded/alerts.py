"""Alerts in the form of Pacemaker's, so that its alert agents serve a single server, too.

The agent (LVMKIT_ALERT_AGENT) is run for each start, stop and failed monitor with variables CRM_alert_*. Nobody waits
for it: a mail server that hangs must not delay a recovery. It has half a minute, as with Pacemaker.
Source: Pacemaker Explained, "Alerts"; the samples in /usr/share/pacemaker/alerts.
"""

from __future__ import annotations

import os
import time

from lvmkit import VERSION
from lvmkit.cluster.embedded.flags import REMOVE, RESTORE
from lvmkit.model.messages import OCF_ERR_GENERIC, OCF_SUCCESS, Failure
from lvmkit.model.messages.engine import AlertNotSent
from lvmkit.resources.scripts import SAFE_PATH, refuse_untrusted
from lvmkit.storage.run import launch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.model.instance import Instance
    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Settings

MONITOR = "monitor"
_TASKS = {RESTORE: "start", REMOVE: "stop", MONITOR: MONITOR}
_TIMEOUT = ("/usr/bin/timeout", "--kill-after=1", "30")
_DONE, _ERROR = "0", "4"
"""Pacemaker's pcmk_exec_status: PCMK_EXEC_DONE, PCMK_EXEC_ERROR"""


def alert(instance: Instance, action: str, failure: str, settings: Settings, tell: Callable[[Message], None]) -> None:
    """Let the agent know what became of an action; nothing where none is configured.

    action: RESTORE, REMOVE or MONITOR.  failure: why it failed; '' where it did not.
    An agent that cannot be started is told, and keeps nothing from going on.
    """
    agent = settings.alert_agent
    if not agent:
        return
    try:
        refuse_untrusted(agent)
        launch((*_TIMEOUT, agent), _variables(instance, action, failure, settings))
    except Failure as unable:
        tell(AlertNotSent(agent, str(unable)))


def _variables(instance: Instance, action: str, failure: str, settings: Settings) -> dict[str, str]:
    seconds = time.time()
    return {
        "PATH": SAFE_PATH,
        "CRM_alert_kind": "resource",
        "CRM_alert_version": VERSION,
        "CRM_alert_recipient": settings.alert_recipient,
        "CRM_alert_node_sequence": str(time.monotonic_ns()),
        "CRM_alert_timestamp": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)),
        "CRM_alert_timestamp_epoch": str(int(seconds)),
        "CRM_alert_timestamp_usec": str(int(seconds % 1 * 1_000_000)),
        "CRM_alert_node": os.uname().nodename,
        "CRM_alert_rsc": instance.tag,
        "CRM_alert_task": _TASKS[action],
        "CRM_alert_interval": str(settings.check_interval * 1000 if action == MONITOR else 0),
        "CRM_alert_desc": failure or "ok",
        "CRM_alert_status": _ERROR if failure else _DONE,
        "CRM_alert_rc": str(OCF_ERR_GENERIC if failure else OCF_SUCCESS),
        "CRM_alert_target_rc": str(OCF_SUCCESS),
    }
