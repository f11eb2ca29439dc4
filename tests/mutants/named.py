"""Faults by name, each of which would cost somebody his data or his sleep. None of them may survive.

A fault is found by the name of its function and by a piece of that function's text, wherever the module is. A piece
that is in no function of this name any more, or in two, is an error: then the list must be brought up to date.
"""

from __future__ import annotations

from dataclasses import dataclass

ACTIONS = "tests/unit/test_contract_actions.py"
AGENTS = "tests/unit/test_ocf.py"
PACEMAKER = "tests/unit/test_pacemaker.py tests/unit/test_pacemaker_adapter.py"


@dataclass(frozen=True)
class Named:
    """One fault."""

    name: str
    """what the kit then does"""
    function: str
    """name of the function or method; '' for the module's own level"""
    old: str
    new: str
    tests: str = ACTIONS
    """the files that are run first; all others follow where it survives them"""


NAMED = (
    Named(
        "quickCheck always ends with 0",
        "_quick_check",
        "return max((message.script_exit for message in found), default=0)",
        "return 0",
    ),
    Named("quickCheck does not say what is wrong", "_quick_check", "voice.tell(message)", "pass"),
    Named(
        "quickCheck of a group looks into any record of its file",
        "vg_faults",
        "if record is not None and record.vg_uuid == group.uuid:",
        "if record is not None:",
    ),
    Named(
        "quickCheck of a volume looks into any record of its group's file",
        "lv_faults",
        "if record is None or record.vg_uuid != volume.vg_uuid:",
        "if record is None:",
    ),
    Named("the check of a group finds nothing", "quick_check", "return vg_faults(", "return [] and vg_faults("),
    Named("the check of a volume finds nothing", "quick_check", "return lv_faults(", "return [] and lv_faults("),
    Named(
        "the check of a file system finds nothing",
        "quick_check",
        "return faults(FilesystemFacts.unpack(instance))",
        "return []",
    ),
    Named(
        "the check of a group by its record finds nothing",
        "faults_by_record",
        "return vitals.record_faults(record, devices)",
        "return []",
    ),
    Named("restore does nothing", "_work", "return restore(instance, tools)", 'return ""'),
    Named("delete releases nothing", "_work", "return release(instance, tools)", 'return ""'),
    Named(
        "remove does nothing",
        "_work",
        'return remove(instance, tools) if action == "remove"',
        'return "" if action == "remove"',
    ),
    Named(
        "remoteremove is a plain remove",
        "_work",
        'if action == "remove" else give_up(instance, tools)',
        "if True else ''",
    ),
    Named("a resource of another type is accepted", "_instance_of", "if found.type != call.type:", "if False:"),
    Named(
        "create does not ask the other servers",
        "draft_creation",
        "refuse_active_elsewhere(",
        "(lambda *_, **__: None)(",
        "tests/unit/test_contract_create.py",
    ),
    Named(
        "the cluster forgets the failures of another resource",
        "crm_resource_cleanup",
        '"--resource", resource,',
        '"--resource", resource + "x",',
        PACEMAKER,
    ),
    Named(
        "the cluster forgets the failures on another server",
        "crm_resource_cleanup",
        '"--node", server',
        '"--node", server + "x"',
        PACEMAKER,
    ),
    Named(
        "the cluster forgets what it knows of another resource",
        "crm_resource_refresh",
        '"--resource", resource',
        '"--resource", resource + "x"',
        PACEMAKER,
    ),
    Named("a resource fails six times before it moves", "_meta", "str(LOCAL_RECOVERIES + 1)", '"7"', PACEMAKER),
    Named("another host's group is activated", "_ownership", "if foreign", "if False", ACTIONS),
    Named("an exported group is activated", "_ownership", "if vg.exported", "if False", ACTIONS),
    Named("a group that lacks disks is activated", "_missing", "if not vg.missing:", "if True:", ACTIONS),
    Named("another group of the name is activated", "refusals", "vg.uuid != expected_uuid", "False", ACTIONS),
    Named("LVM's word is taken for the kernel's", "_verify", "    if down:", "    if False:", ACTIONS),
    Named(
        "a restore leaves no record",
        "restore_vg",
        "records.store(kit.paths, observed(vg, group, kit))",
        "pass",
        ACTIONS,
    ),
    Named("what is in use is taken down", "_held", "_wait_until_free(mine, kit)", "pass", ACTIONS),
    Named("dead disks are waited for", "remove_vg", "why = _disks_silent(group.id, kit) or", "why =", ACTIONS),
    Named(
        "an owner that the cluster still knows is robbed",
        "_refuse_living",
        "if standing.kind == ACTIVE:",
        "if False:",
        "tests/unit/test_ownership.py",
    ),
    Named(
        "the owner is not read back",
        "confirm",
        "if now is None or (now.uuid, now.system_id) != (vg.uuid, node):",
        "if now is None:",
        "tests/unit/test_ownership.py",
    ),
    Named(
        "a stop that left something behind says down",
        "_let_go",
        "    if left:",
        "    if False:",
        f"{AGENTS} {ACTIONS}",
    ),
    Named("another file system is taken for ours", "mount", "    if found:", "    if False:", ACTIONS),
)
