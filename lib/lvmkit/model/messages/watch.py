"""Messages of the watcher, and about it: 110370-110379."""

from __future__ import annotations

from lvmkit.model.messages import Caution, Message, Note


class WatchBegins(Note, number=110370):
    """The watcher has begun: from now on what the kernel tells is acted on at once."""

    template = "Watching, told by the kernel of {news}; a look at everything every {interval} s."
    news: tuple[str, ...]
    interval: int


class SourceMissing(Caution, number=110371):
    """One of the ways in which the kernel tells of changes is not there, or was lost.

    Looks at an interval find what it would have told.
    """

    template = "The kernel does not tell of {what}: {why}. What it would tell is seen {interval} s later at most."
    action = "None needed where this kernel does not have it; it is tried again at each look. See 'journalctl -k'."
    what: str
    why: str
    interval: int


class LookFailed(Message, number=110372):
    """A look at all resources did not end, mostly because it waits for what does not answer. There will be another."""

    template = "A look at all resources did not end: {why}."
    action = (
        "'cat /proc/PID/stack' of the processes 'lvmkit-watch' in state D shows what they wait for. Monitors and"
        " 'lvmkit check' may wait there as well."
    )
    why: str


class NewsLost(Note, number=110373):
    """The kernel had more to tell than could be kept, or the watcher stood still. Nothing is missed by that."""

    template = "Some of what the kernel told was not heard ({why}); everything is looked at."
    why: str


class FailureReported(Caution, number=110374):
    """The watcher found a fault and told the cluster, which now does what it does after a failed monitor."""

    template = "The cluster is told that {tag} has failed on {server}: {why}"
    tag: str
    server: str
    why: str


class ReportsNotTaken(Caution, number=110375):
    """The watcher found a fault. This engine cannot be told of one, and its recovery is its own."""

    template = "The engine takes no reports, so {tags} wait for its own monitors."
    action = "None needed. 'lvmkit status' shows what the watcher has seen."
    tags: tuple[str, ...]


class WatchOff(Note, number=110376):
    """With Pacemaker the watcher is off until an administrator turns it on; the monitors alone find what has failed."""

    template = "The watcher is off on {server}: a fault is found by the next monitor only."
    action = (
        "To have a fault acted on at once, put LVMKIT_WATCH=yes into /etc/default/lvmkit on each server, and run"
        " 'systemctl restart lvmkit-watch.service' there; see lvmkit-watch(8)."
    )
    server: str


class WatcherMissing(Caution, number=110377):
    """The watcher should run and does not. Nothing is lost by that but time."""

    template = "The watcher does not run on {server}, so a fault is found by the next {backstop} only."
    action = (
        "'systemctl status lvmkit-watch.service' says why. 'systemctl restart {unit}' starts it; where the kit has just"
        " been installed, run 'systemctl daemon-reload' before."
    )
    server: str
    backstop: str
    unit: str


class MonitorsMayBeRarer(Note, number=110378):
    """With the watcher, monitors are the backstop: frequent ones only cost processor time."""

    template = "Where every server is watched, monitors may be rarer: there is one every {seconds} s among {often}."
    action = (
        "Where LVMKIT_WATCH=yes is set on every server, set the interval of the monitors at level 0 to {wanted} s, with"
        " 'pcs resource update' or 'crm configure edit'. Leave those at level 10."
    )
    often: tuple[str, ...]
    seconds: int
    wanted: int
