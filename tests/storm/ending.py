"""What must be true when the storm is over and everything is as usual again: the data are there, and can be served."""

from __future__ import annotations

from lab.guests.errors import LabError
from storm import verdict
from storm.actions import MOUNT, NODES, OTHER, VG, Weather
from storm.log import Log
from storm.scene import COMMAND_TIMEOUT, PREFIX, Scene
from storm.verdict import Finding

ROOTS = (MOUNT, OTHER, f"{VG}/db", f"{VG}/www", VG)
LEFT_BEHIND = "set +e; grep -v '^#' /etc/lkvgs; find /var/lib/lvmkit -path '*journal*' -name '*.json'; :"


def findings(scene: Scene, weather: Weather, log: Log) -> list[Finding]:
    """Put everything back and return what is not as it must be: the first kind of fault only."""
    log.say("  putting everything back")
    try:
        scene.restore(weather)
    except LabError as error:
        return [Finding("not-settled", str(error))]
    for look in (_invariant, _served, _gone, _data):
        found = look(scene, log)
        if found:
            return found
    return []


def _invariant(scene: Scene, _log: Log) -> list[Finding]:
    return verdict.collisions(scene.audit.overlaps(), scene.audit.samples, scene.deeds)


def _served(scene: Scene, log: Log) -> list[Finding]:
    """Each file system comes in service on each server that its hierarchy may run on, with every record."""
    tags = [tag for tag in (MOUNT, OTHER) if tag in _tags(scene)]
    found: list[Finding] = []
    for tag in tags:
        for name in scene.places():
            found += found or _served_on(scene, tag, name, log)
    return found or _invariant(scene, log) or scene.unmanaged()


def _served_on(scene: Scene, tag: str, name: str, log: Log) -> list[Finding]:
    there = NODES.index(name) + 1
    done = _run(scene, 1, log, "in-service", tag, "--on", name)
    if done:
        return [Finding("not-served", f"in-service {tag} --on {name}: {done}")]
    faults = _run(scene, there, log, "check", tag)
    if faults:
        return [Finding("not-well", f"check {tag} on {name}: {faults}")]
    return scene.check_records(there) if tag == MOUNT else []


def _run(scene: Scene, node: int, log: Log, *words: str) -> str:
    """Run a command of the kit at the end. Return why it failed, nothing when it did not."""
    done = scene.guest(node).run("lvmkit", *words, timeout=COMMAND_TIMEOUT, check=False)
    log.say(f"  end: node{node}: {' '.join(words)}: {done.returncode}")
    log.write(end=" ".join(words), node=node, code=done.returncode, stdout=done.stdout, stderr=done.stderr)
    return f"exit code {done.returncode}: {done.stdout}{done.stderr}" if done.returncode else ""


def _gone(scene: Scene, log: Log) -> list[Finding]:
    """Every hierarchy can be deleted, and then nothing of it is left."""
    for tag in ROOTS:
        if tag in _tags(scene):
            done = _run(scene, 1, log, "delete", "--yes", tag)
            if done:
                return [Finding("not-deleted", f"{tag}: {done}")]
    left = [each.get("id", "") for each in scene.resources()]
    found = [Finding("leftover", f"in the cluster's configuration: {name}") for name in left]
    for node in (1, 2):
        said = scene.guest(node).sh(LEFT_BEHIND).stdout.strip()
        found += [Finding("leftover", f"on node{node}: {said}")] if said else []
    return found


def _data(scene: Scene, _log: Log) -> list[Finding]:
    """What nobody protects any more is there for who brings it up by hand."""
    for node in (1, 2):
        if any(key.endswith(f" {MOUNT}") for key in scene.mounted(node)):
            return scene.check_records(node)
    for node in (1, 2):
        if scene.mounted_by_hand(node):
            return scene.check_records(node)
    return [Finding("lost", f"{MOUNT} cannot be mounted on any server")]


def _tags(scene: Scene) -> set[str]:
    """Return which of the tags the cluster's configuration has."""
    present = {each.get("id", "") for each in scene.resources()}
    return {tag for tag in ROOTS if PREFIX + tag.replace("/", "_2f") in present}
