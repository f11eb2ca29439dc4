"""Faults by name, each of which would cost somebody his data or his sleep. None of them may survive.

A fault is found by the name of its function and by a piece of that function's text, wherever the module is. A piece
that is in no function of this name any more, or in two, is an error: then the list must be brought up to date.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Named:
    """One fault."""

    name: str
    """what the kit then does"""
    function: str
    """name of the function or method; '' for the module's own level"""
    old: str
    new: str


NAMED = (
    Named(
        "quickCheck always ends with 0",
        "_quick_check",
        "return max((message.script_exit for message in messages), default=0)",
        "return 0",
    ),
    Named("quickCheck does not say what is wrong", "_quick_check", "voice.tell(message)", "pass"),
    Named(
        "quickCheck looks into a record of another group",
        "_record",
        'return record if record and facts.uuid in ("", record.vg_uuid) else None',
        "return record",
    ),
    Named(
        "the check of a group finds nothing",
        "check",
        "return (*_record_lost(instance.tag, health.is_recorded), *health.messages)",
        "return ()",
    ),
    Named(
        "the check of a volume finds nothing",
        "check",
        "return tuple(_module(instance).check(facts, host, glance).messages)",
        "return ()",
    ),
    Named(
        "the check of a file system finds nothing",
        "check",
        "return Health((NotMounted(facts.device, facts.mount_point),), is_up=False, is_recorded=False)",
        "return Health((), is_up=True)",
    ),
    Named(
        "what hides a file system is not seen",
        "of",
        "return Mounts(point, here[-1], met, is_within, elsewhere, table=table)",
        "return Mounts(point, here[-1], elsewhere=elsewhere, table=table)",
    ),
    Named(
        "a start mounts whatever has the path of the volume",
        "path_to",
        "if sysfs.number_of(path) == number:",
        "if sysfs.number_of(path):",
    ),
    Named(
        "a write-protected volume is mounted all the same",
        "_refuse_unfit",
        "if sysfs.read_only(number) and not facts.is_read_only:",
        "if False:",
    ),
    Named(
        "a start mounts any file system that is on the volume",
        "_refuse_unfit",
        "if uuid and uuid != facts.uuid.lower():",
        "if False:",
    ),
    Named(
        "a stop unmounts what somebody has mounted over another place",
        "_leave_other_places",
        "if mountinfo.at(mount.mount_point) == mount:",
        "if True:",
    ),
    Named(
        "the check of a group by its record finds nothing",
        "_check",
        "return lvmvg.check(group, host).messages",
        "return ()",
    ),
    Named(
        "restore does nothing",
        "_work",
        "return dispatch.restore(instance, hierarchy, host)",
        'return ""',
    ),
    Named(
        "delete releases nothing",
        "_work",
        "return dispatch.release(instance, host)",
        'return ""',
    ),
    Named(
        "remove does nothing",
        "_work",
        "return dispatch.remove(instance, hierarchy, host)",
        'return ""',
    ),
    Named(
        "remoteremove is a plain remove",
        "_work",
        "return dispatch.give_up(instance, hierarchy, host)",
        "return dispatch.remove(instance, hierarchy, host)",
    ),
    Named("a resource of another type is accepted", "_instance_of", "if instance.type != call.type:", "if False:"),
    Named(
        "the cluster forgets the failures of another resource",
        "crm_resource_cleanup",
        '"--resource", resource,',
        '"--resource", resource + "x",',
    ),
    Named(
        "the cluster forgets the failures on another server",
        "crm_resource_cleanup",
        '"--node", server',
        '"--node", server + "x"',
    ),
    Named(
        "the cluster forgets what it knows of another resource",
        "crm_resource_refresh",
        '"--resource", resource',
        '"--resource", resource + "x"',
    ),
    Named("a resource fails six times before it moves", "_meta", "str(LOCAL_RECOVERIES + 1)", '"7"'),
    Named("a group that lacks disks is activated", "_missing", "if not vg.missing:", "if True:"),
    Named(
        "LVM's word is taken for the kernel's",
        "verify",
        "    if down:",
        "    if False:",
    ),
    Named(
        "a restore leaves no record",
        "_bring_up",
        "notes.store(bringing_up.observed(owned, facts, after), host.paths, host)",
        "pass",
    ),
    Named(
        "what is in use is taken down",
        "_held",
        "return _wait_until_free(MappedDevices(dm.of_vg(kernel.listed(), facts.uuid)), facts.id, host)",
        "return MappedDevices(dm.of_vg(kernel.listed(), facts.uuid))",
    ),
    Named(
        "dead disks are waited for",
        "take_down_group",
        "why = _disks_silent(facts.id, host)",
        'why = ""',
    ),
    Named(
        "a stop that left something behind says down",
        "_remove_all",
        "if left.all and now >= min(end, host.end):",
        "if left.all and now >= min(end, host.end):\n            return\n        if False:",
    ),
    Named(
        "another file system is taken for ours",
        "mount",
        "if seen.other is not None:",
        "if False:",
    ),
    Named(
        "create does not ask the other servers",
        "draft_creation",
        "guards.refuse_active_elsewhere(",
        "(lambda *_, **__: None)(",
    ),
    Named(
        "create protects what may be active where nobody answers",
        "refuse_active_elsewhere",
        "if answers.silent and not is_up_here:",
        "if False:",
    ),
    Named(
        "another host's group is activated", "against", 'if vg.system_id not in ("", own) else ()', "if False else ()"
    ),
    Named("an exported group is activated", "_unsupported", "if vg.exported:", "if False:"),
    Named("another group of the name is activated", "against", "if vg.uuid != group.uuid:", "if False:"),
    Named(
        "a script asks the cluster about a resource that it does not know",
        "membership",
        "return PacemakerMembership(self._tools, ids.resource_id)",
        "return PacemakerMembership(self._tools)",
    ),
    Named(
        "a resource's own policy for lost disks is not heeded",
        "policy_of",
        "return group.missing_pv or settings.missing_pv",
        "return settings.missing_pv",
    ),
    Named(
        "a group that grows onto a disk of one server passes without a word",
        "_tell_absent",
        "if device.pv_uuid not in there:",
        "if False:",
    ),
    Named(
        "a hierarchy is extended to a server without its scripts",
        "_against_scripts",
        "yield from failure.messages",
        "pass",
    ),
    Named("a clone is activated", "_duplicates", "if pv.duplicates and len(devices) > 1:", "if False:"),
    Named("a disk below DRBD is used", "_claimed", "elif claim.replicated:", "elif False:"),
    Named("a disk that something else holds is used", "_claimed", "if claim.holder:", "if False:"),
    Named("a name that may be a clone's is trusted", "trusted", "if all(map(_is_stable, recorded))", "if True"),
    Named(
        "an owner that runs it is robbed",
        "against",
        "if standing.kind == ACTIVE:",
        "if standing.kind == ACTIVE:\n        return ()\n    if False:",
    ),
    Named(
        "an owner that left with it running is robbed",
        "against",
        "return (OwnerLeftRunning(vg.name, owner, tag, standing.why),)",
        "return ()",
    ),
    Named(
        "an owner that nobody fenced is robbed",
        "against",
        "return (OwnerNotFenced(vg.name, owner, tag, standing.why),)",
        "return ()",
    ),
    Named(
        "an owner of whom nothing is known is robbed",
        "against",
        "return (OwnerHistoryUnclear(vg.name, owner, tag, standing.why, server),)",
        "return ()",
    ),
    Named(
        "a name that leads back here passes for another server",
        "_read",
        "return Failure(AnsweredByItself(server))",
        "pass",
    ),
    Named(
        "an answer without a boot ID passes for nothing held",
        "_read",
        'return Failure(AnswerGarbled(server, "its boot ID is missing"))',
        "return ()",
    ),
    Named(
        "a group on its way passes for one that two hold",
        "held_twice",
        "second = _look(seen, kit)",
        "second = first",
    ),
    Named(
        "a stop fails where its lock cannot be made",
        "_open",
        "if not self._is_needed and _is_missing(self._path):",
        "if False:",
    ),
    Named(
        "a lock that cannot be looked at passes for free",
        "_open",
        "not self._is_needed and _is_missing(self._path)",
        "not self._is_needed",
    ),
    Named(
        "an unmount does not wait for a killed mount",
        "remove",
        "with locks.unmounting(facts.mount_point, host):",
        "if True:",
    ),
    Named("an error of an ext4 that stops at errors is nothing", "_ext4", "if not errors:", "if True:"),
    Named(
        "errors from before the start are counted",
        "_new_errors",
        "return max(0, count - before)",
        "return count",
    ),
    Named(
        "who called the command is ended",
        "_signal",
        "if user.pid > 1 and not circle.has(user.pid)",
        "if user.pid > 1",
    ),
    Named(
        "the server itself is ended for a mount that it has",
        "evict_keepers",
        "if 1 not in namespace:",
        "if True:",
    ),
    Named("a file system stays that is mounted nowhere", "_see_ended", "releasing.end(facts, host)", "pass"),
    Named(
        "a stranger is robbed",
        "against",
        "return () if owner == lvm.own_system_id() else",
        "return () if True else",
    ),
    Named("a start does not ask the other servers", "_refuse_change", "    _refuse_held(vg, group, host)", "    pass"),
    Named(
        "a start does not look at the owner",
        "_refuse_change",
        "        _refuse_owner(vg, group, host, members)",
        "        pass",
    ),
    Named("a start does not become the owner", "_admit", "else _take(vg, host)", "else vg"),
    Named("a start does not reserve the disks", "_admit", "_reservation().claim(", "(lambda *_: None)("),
    Named("a stop keeps its reservation", "_unreserve", "reservation.release(vg, uuid, host)", "pass"),
    Named(
        "a takeover leaves the other server registered",
        "next_order",
        "if others else Order(DONE)",
        "if False else Order(DONE)",
    ),
    Named("somebody else's keys are passed over", "_refused_at_once", "if keys else _WELL", "if False else _WELL"),
    Named("a target that forgot is taken for well", "look_at", "if seen.holder is None:", "if False:"),
    Named(
        "a path that is not registered is taken for one that is",
        "confirm",
        "            return False",
        "            return True",
    ),
    Named("who was shut out comes back by a reconfigure", "follow", "    if told:", "    if False:"),
    Named("a start looks at no metadata", "_admit", "    _refuse(told, host)", "    pass"),
    Named("silence is consent", "_refuse_held", "if doubtful and not vg.system_id:", "if False:"),
    Named(
        "the owner is not read back",
        "confirm",
        "if read is None or (read.uuid, read.system_id) != (vg.uuid, server):",
        "if read is None:",
    ),
    Named(
        "a recovery is not counted",
        "_owe",
        'flags.create(connection, f"{_COUNTED}{time.monotonic():.6f}!{tag}")',
        "pass",
    ),
    Named(
        "what a killed recovery took down counts as taken out of service by hand",
        "_owe",
        "changes.set_state(connection, instance.tag, ILLSTATE, TAKING_DOWN)",
        'changes.set_state(connection, instance.tag, "OSU", TAKING_DOWN)',
    ),
    Named("a recovery is begun where it cannot help", "_refusal", "if not obstacles:", "if True:"),
    Named(
        "a fault of a volume that nobody protects ends the work of those who use the others",
        "judged",
        "if counted.logical == record.logical:",
        "if True:",
    ),
    Named(
        "a protected volume may be lost unseen",
        "_among",
        "return tuple(lv for lv in all_of_group if lv.uuid in uuids or lv.name in named)",
        "return ()",
    ),
    Named(
        "a volume with an error table counts as up",
        "foreign_kinds",
        "return tuple(kind for kind in kinds(status) if kind not in dm.OF_LVM)",
        "return ()",
    ),
    Named("a file system is mounted from its old path", "number", "if not facts.dm_uuid:", "if True:"),
    Named(
        "the list of the boot means whoever has the name",
        "means",
        "return entry[1] == uuid if entry[1] and uuid else entry[0] == vg",
        "return entry[0] == vg",
    ),
    Named("the boot gets whatever group has the name", "set_autoactivation", "if not uuid:", "if True:"),
    Named(
        "quickCheck believes the record of another group",
        "_recorded_group",
        "if (names.vg_of_lvmvg_id(call.id), record.vg_uuid) not in listed:",
        "if False:",
    ),
    Named(
        "the database of another machine is changed",
        "_claim",
        "if not is_of_this_machine(*stored):",
        "if False:",
    ),
    Named(
        "an activation waits for a udev that has no room to note anything",
        "lack_of_room",
        "if free < count * _BYTES:",
        "if False:",
    ),
    Named(
        "the owner is changed although the activation is refused",
        "_bring_up",
        "bringing_up.refuse_lack_of_room(seen, seen.expected)",
        "pass",
    ),
    Named(
        "volumes that are half up count as started",
        "_outcome",
        "if not all(_is_up(vg, lv, after) for lv in volumes):",
        "if False:",
    ),
    Named("a freeze counts at once", "_last", "if time.monotonic() >= end:", "if True:"),
    Named(
        "whoever checks a frozen file system waits for it as well",
        "_asked_by_one",
        "answer = _last(lambda: not _has_turn(handle), patience)",
        'answer = b""',
    ),
    Named("what hides a file system is thawed", "_thaw_for_users", "if seen.cover is not None:", "if False:"),
    Named(
        "an error of an earlier mount counts",
        "_new_errors",
        "return count if _last_error(mount) >= (_mounted_at(mount) or _boot_time()) else 0",
        "return count if _last_error(mount) >= _boot_time() else 0",
    ),
    Named(
        "a group goes to a server that has lost a disk of it",
        "reasons",
        "if group.tag not in hurt and _all_there(facts):",
        "if group.tag not in hurt:",
    ),
    Named("the watcher believes whoever sends it news", "is_from_kernel", "return bool(pid == _KERNEL)", "return True"),
    Named(
        "the watcher takes an overrun for no news",
        "take",
        "return News(bool(events) or is_overrun,",
        "return News(bool(events),",
    ),
    Named("the watcher answers at once what may pass", "judge", "firm = sight.causes - passing", "firm = sight.causes"),
    Named(
        "the watcher answers the same fault at each look", "_time_of_answer", "if firm - memory.answered:", "if firm:"
    ),
    Named("the watcher is not interested in a disk that comes", "_take_news", "if news.has_new_disk:", "if False:"),
    Named(
        "the watcher waits for ever for a look that hangs",
        "turn",
        "if self._child is not None and now >= self._child.end:",
        "if False:",
    ),
    Named("the watcher forks looks without end", "_begin_look", "if stuck >= MOST_STUCK:", "if False:"),
    Named(
        "the watcher that stood still looks no sooner for that",
        "_notice_standstill",
        "self._agenda.ask_for(now)",
        "pass",
    ),
    Named(
        "the watcher that is let go on looks no sooner for that",
        "_heed",
        "self._agenda.ask_for(time.monotonic())",
        "pass",
    ),
    Named(
        "the watcher looks all the time while news do not end",
        "heard",
        "self._after_news = max(settled, self._rested)",
        "self._after_news = settled",
    ),
    Named(
        "the watcher looks as often whatever it costs",
        "end",
        "self._periodic = now + max(self.interval, cost / IDLE_SHARE)",
        "self._periodic = now + self.interval",
    ),
    Named(
        "what goes out of service is a fault of the watcher's looks",
        "_without_excused",
        "return tuple(result for result in results if result.tag not in excused)",
        "return results",
    ),
    Named("a move that runs excuses nothing", "excused", "if move not in killed:", "if False:"),
    Named(
        "the cluster is told of what it does not have in service here",
        "answer_fault",
        "[finding for finding in again if finding.tag in in_charge]",
        "list(again)",
    ),
    Named(
        "the cluster is told without a further look",
        "answer_fault",
        "again = _faulty(check_at_hand(kit, PAUSES))",
        "again = faulty",
    ),
    Named(
        "the cluster is told of all that stands on what failed",
        "_report",
        "if below.isdisjoint(broken):",
        "if True:",
    ),
    Named(
        "the cluster is told of what it moves or does not manage",
        "tends",
        "return resource.managed and not is_busy and not (self.maintenance or own.maintenance or own.unclean)",
        "return True",
    ),
    Named("a second watcher runs beside the first", "is_held", "return True", "return False"),
    Named(
        "a group is started where its replica is Secondary",
        "against_replica",
        "return replicated.against_start(facts)",
        "return ()",
    ),
    Named("a group is not tied to the promoted role", "apply", "promotion.settle(index.root)", "pass"),
    Named("a removal leaves the tie to the role behind", "_drop_primitives", "promotion.settle(root)", "pass"),
    Named(
        "a replica with old data is taken",
        "against_takeover",
        "elif not (state.is_ready if from_other else state.disk == drbd.UP_TO_DATE):",
        "elif False:",
    ),
    Named(
        "the disk below a Secondary is taken for the group's",
        "_against_replica",
        "iter(() if vg is None else metadata.against_disks_below(vg, case.kit.settings.probe_deadline))",
        "iter(())",
    ),
    Named(
        "a read that waits for a fencing is a failure",
        "readable",
        "frozen.add(number)",
        "pass",
    ),
    Named("a split brain counts as a cut line", "is_split", "return is_split_now", "return False"),
    Named(
        "the record of a group goes while a start may still write it",
        "drop_record",
        "with locks.stopping(group.uuid, group.name, kit.host):",
        "if True:",
    ),
    Named(
        "a record is written anew while a stop is at work",
        "apply",
        "with locks.starting(group.uuid, group.name, kit.host):",
        "if True:",
    ),
    Named(
        "disks that a stop is giving up are reserved again",
        "apply",
        "with locks.starting(vg.uuid, vg.name, kit.host):",
        "if True:",
    ),
)
