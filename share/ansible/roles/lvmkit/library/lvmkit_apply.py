# SPDX-License-Identifier: GPL-2.0-or-later
"""Ansible's module lvmkit_apply: let what lvmkit protects agree with what a playbook says."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lvmkit_apply
short_description: Protect file systems on LVM with lvmkit
description:
  - Runs C(lvmkit apply). What is protected already as it is wanted is left alone.
  - It runs on a server where the file systems are mounted, and reaches the other servers of the cluster by itself.
options:
  hierarchies:
    description: What is to be protected.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: A mount point, or the device of a logical volume.
        type: path
        required: true
      tag:
        description: The tag of the hierarchy; the path by default.
        type: str
      switchback:
        description: Whether it stays where it is or goes home when a failed server returns; left as it is by default.
        type: str
        choices: [intelligent, automatic]
      reservation:
        description: Whether the disks of a new volume group refuse the writes of other servers.
        type: str
        choices: [none, scsi]
      servers:
        description: The servers that it may run on; the names alone, or with their priorities.
        type: raw
  delete:
    description: Whether the protection of everything else ends; data and mounts stay.
    type: bool
    default: false
  executable:
    description: The command.
    type: path
    default: /usr/sbin/lvmkit
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- lvmkit_apply:
    hierarchies:
      - path: /srv/db
        servers: [node1, node2]
      - path: /srv/www
        switchback: automatic
        servers: {node1: 10, node2: 20}
"""

RETURN = r"""
steps:
  description: What was done, or in check mode would be.
  type: list
  elements: str
left:
  description: What is protected and was not named.
  type: list
  elements: str
messages:
  description: What lvmkit said, with numbers that C(lvmkit explain) explains.
  type: list
  elements: dict
"""

import json  # noqa: E402 - Ansible's own modules have these below their documentation
import os  # noqa: E402
import tempfile  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_HIERARCHY = {
    "path": {"type": "path", "required": True},
    "tag": {"type": "str"},
    "switchback": {"type": "str", "choices": ["intelligent", "automatic"]},
    "reservation": {"type": "str", "choices": ["none", "scsi"]},
    "servers": {"type": "raw"},
}
ARGUMENTS = {
    "hierarchies": {"type": "list", "elements": "dict", "default": [], "options": _HIERARCHY},
    "delete": {"type": "bool", "default": False},
    "executable": {"type": "path", "default": "/usr/sbin/lvmkit"},
}


def resource(hierarchy: dict[str, Any]) -> dict[str, Any]:
    """A hierarchy as 'lvmkit apply' wants its root."""
    path = hierarchy["path"]
    facts = {"tag": hierarchy["tag"] or path, "id": path}
    facts["type"] = "lvmlv" if path.startswith("/dev/") else "filesys"
    for name in ("switchback", "reservation"):
        if hierarchy[name]:
            facts[name] = hierarchy[name]
    servers = hierarchy["servers"]
    if isinstance(servers, dict):
        facts["servers"] = {name: {"priority": int(priority)} for name, priority in servers.items()}
    elif servers:
        facts["servers"] = {name: {} for name in servers}
    return facts


def apply(module: AnsibleModule, path: str, *words: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What 'lvmkit apply' answers, and what it says besides; ends the module where it fails."""
    command = [module.params["executable"], "apply", path, "--format", "jsonl"]
    if module.params["delete"]:
        command.append("--delete")
    status, out, err = module.run_command(command + list(words))
    events = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    messages = [event for event in events if event.get("event") == "message" and event.get("level") != "INFO"]
    if status or not events:
        told = [f"{message['number']} {message['text']}" for message in messages]
        module.fail_json(msg="; ".join(told) or err or "lvmkit apply says nothing", messages=messages, rc=status)
    return events[-1]["answer"], messages


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    wanted = [resource(hierarchy) for hierarchy in module.params["hierarchies"]]
    handle, path = tempfile.mkstemp(dir=module.tmpdir)
    with os.fdopen(handle, "w") as file:
        json.dump({"schema_version": 1, "resources": wanted}, file)
    answer, messages = apply(module, path)
    is_needed = not answer["nothing_to_do"]
    if is_needed and not module.check_mode:
        answer, messages = apply(module, path, "--expect", answer["digest"])
    diff = {"before": "", "after": "".join(f"{step}\n" for step in answer["steps"])}
    module.exit_json(changed=is_needed, steps=answer["steps"], left=answer["left"], messages=messages, diff=diff)


if __name__ == "__main__":
    main()
