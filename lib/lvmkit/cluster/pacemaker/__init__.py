"""The cluster port over Pacemaker: many servers, one CIB.

What becomes what. Each element has a module that makes it, recognises it and removes it: primitive, template, location,
dependency (order and colocation), tie.
* lvmvg, lvmlv, filesys: a primitive of ocf:lvmkit:lvmvg, ocf:lvmkit:lvmlv, ocf:lvmkit:filesys. Its ID is
  'lvmkit-' and the tag, reversibly (ids.py); what the kit itself knows of it (ID, info, switchback) is a set of meta
  attributes (record.py). Only what has both is ours. All else in the CIB is foreign: neither read as ours nor changed,
  and what it names is not removed (110157).
* device, disk: a resource template (template.py), for each server its own. Pacemaker does not run it but keeps it.
* dependency: an order and a colocation (INFINITY) of the parent with the child. That direction, and colocation's
  influence left at its default: the group is placed with the wishes of all that stands on it. So a root that may not
  run here any more takes the group, and with it every other root, along; one that is out of service, or fails
  everywhere, leaves the others alone. The other direction would stop all for one that is stopped; without influence a
  failed root would stay down alone; sets behave as pairs do, but cannot be added to and taken from one by one.
* two volume groups below one thing: a colocation below INFINITY, which ties them to one server (tie.py).
* equivalency: a location constraint with resource-discovery=exclusive. Priority p is the score 10000-p, on the volume
  group only, and so is stickiness: Pacemaker adds up the scores of all that is colocated (location.py).
* switchback: INTELLIGENT is a stickiness above all priorities and below INFINITY, so that a move can still draw;
  AUTOMATIC is none, and a transient node attribute keeps a group where it was moved to until the better server rejoins.
* out of service: target-role=Stopped on the tag and all above. New instances are unmanaged until they are brought in
  or taken out the first time: else the cluster would unmount what is mounted already.
* local recovery: migration-threshold=2, one restart in place; a failure counts for an hour.

How it is written: read, edit (pure: patch.py, roles.py, location.py), crm_verify, crm_diff, one `cibadmin --patch`,
which the CIB refuses when its version is another one; then again from the start (commit.py). What is deleted while it
runs is let go first (release.let_go), for the cluster stops orphans in no order. A move is a constraint with an end
date, dropped together with the admin lock (lock.py), which tidies what a killed run left.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cluster.pacemaker.adapter import Pacemaker

__all__ = ["Pacemaker"]


def __getattr__(name: str) -> type[Pacemaker]:
    if name != "Pacemaker":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lvmkit.cluster.pacemaker.adapter import Pacemaker

    return Pacemaker
