"""The commands about dependencies and equivalencies."""

from __future__ import annotations

from lvmkit.entry.lcdi.arguments import wrong
from lvmkit.entry.lcdi.call import BYTE
from lvmkit.entry.lcdi.description import (
    APP,
    DEST,
    SEPARATOR,
    TAG,
    TYPE,
    LcdiCommand,
    LcdiReply,
    Option,
    is_number,
    required,
    tag_option,
)
from lvmkit.model import names
from lvmkit.model.instance import Dependency
from lvmkit.model.messages import LCDI_EXISTS, LCDI_NO_COMMUNICATION, LCDI_NO_OBJECT, LCDI_RANGE, Failure
from lvmkit.model.messages.lcdi import NoSuchObject, ObjectExists, WouldLoop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.entry.lcdi.call import Call

SHARED = "SHARED"
_EQUIVALENCY = ("system", "tag", "othersystem", "othertag", "type", "priority", "otherpriority")


def dep_list(call: Call) -> LcdiReply:
    """The dependencies that match, one a line."""
    links = _within(call)
    is_upwards = call.has("p") or call.has("P")
    rows = []
    for link in links:
        for instance in call.hierarchy.of_tags((link.parent if is_upwards else link.child,)):
            if call.get("r") in ("", instance.type) and call.get("a") in ("", instance.app):
                rows.append((link.parent, link.child))
    return LcdiReply(call.records(rows))


def dep_create(call: Call) -> LcdiReply:
    """Make a parent require a child. Raises Failure: 000019, 110382, 110389 where it would require itself."""
    from lvmkit.cluster.port import Change

    link = Dependency(call.instance(call.get("p")).tag, call.instance(call.get("c")).tag)
    if link in call.hierarchy.dependencies:
        if call.is_elsewhere and call.port.capabilities.common_tags:
            return LcdiReply()  # it was made once, for all servers
        raise Failure(ObjectExists("Dependency", f"{link.parent} {link.child}", call.server))
    if call.hierarchy.would_loop(link):
        raise Failure(WouldLoop(link.parent, link.child))
    call.port.commit(Change(link=(link,)))
    return LcdiReply()


def dep_remove(call: Call) -> LcdiReply:
    """Remove the dependencies between these, as one unit. Raises Failure (110381) where there is none."""
    from lvmkit.cluster.port import Change

    if not call.has("p") and not call.has("c"):
        raise wrong(call.command, "neither -p nor -c is given")
    parent, child = call.get("p"), call.get("c")
    links = []
    for link in call.hierarchy.dependencies:
        if parent in ("", link.parent) and child in ("", link.child):
            links.append(link)
    if not links:
        words = " ".join(word for word in (parent, child) if word)
        raise Failure(NoSuchObject("dependency of", words, call.server, "dep_list"))
    call.port.commit(Change(unlink=tuple(links)))
    return LcdiReply()


def eqv_list(call: Call) -> LcdiReply:
    """The equivalencies of a server's resources, one a line. Raises Failure (110381) where a named tag has none."""
    server, tag = call.server, call.get("t")
    equivalencies = call.port.overview().equivalencies
    here = {each.tag: each for each in equivalencies if each.server == server}
    rows: list[tuple[str, ...]] = []
    for other in equivalencies:
        own = here.get(other.tag)
        if own is not None and other.server != server and tag in ("", own.tag_there):
            priorities = (str(own.priority), str(other.priority))
            rows.append((server, own.tag_there, other.server, other.tag_there, SHARED, *priorities))
    if tag and not rows:
        raise Failure(NoSuchObject("equivalency of", tag, call.server, "eqv_list"))
    return LcdiReply(call.records(rows))


def eqv_create(call: Call) -> LcdiReply:
    """Say that two servers have the same resource, and with which priorities; see priorities.py. Raises Failure."""
    from lvmkit.entry.lcdi import priorities

    priorities.join(call)
    return LcdiReply()


def eqv_remove(call: Call) -> LcdiReply:
    """Raises Failure in any case: 110381 where there is none; 110390 because one cannot go while both are there."""
    from lvmkit.entry.lcdi import priorities

    priorities.part(call)
    return LcdiReply()


def hry_setpri(call: Call) -> LcdiReply:
    """Set the priority of a server for hierarchies, or print it."""
    from lvmkit.entry.lcdi import priorities

    if not call.has("p") and not call.has("l"):
        raise wrong(call.command, "neither -p nor -l is given")
    tags = tuple(call.instance(tag).tag for tag in call.get("t").split(BYTE))
    if call.has("p"):
        priorities.set_each(tags, int(call.get("p")), call)
    known = {each.tag: each for each in call.port.overview().equivalencies if each.server == call.server}
    shown = [(tag, str(known[tag].priority)) for tag in tags if tag in known]
    return LcdiReply(call.records(shown) if call.has("l") else ())


def _within(call: Call) -> tuple[Dependency, ...]:
    """The dependencies that -c, -p, -C or -P choose; all without one of them. Raises Failure (000019)."""
    hierarchy = call.hierarchy
    given = [letter for letter in "cpCP" if call.has(letter)]
    if len(given) > 1:
        raise wrong(call.command, "only one of -c, -p, -C and -P can be given")
    if not given:
        return hierarchy.dependencies
    tag = call.instance(call.get(given[0])).tag
    if given[0] in ("c", "p"):
        return tuple(d for d in hierarchy.dependencies if tag == (d.parent if given[0] == "c" else d.child))
    if given[0] == "C":
        below = set(hierarchy.below(tag))
        return tuple(d for d in hierarchy.dependencies if d.parent in below)
    above = set(hierarchy.above(tag))
    return tuple(d for d in hierarchy.dependencies if d.child in above)


_PARENT = tag_option("p", "partag", "the resource that requires the other")
_CHILD = tag_option("c", "chdtag", "the resource that is required")
_KIND = Option("e", "kind", "the kind of equivalency", choices=(SHARED,))
_OTHER_SYSTEM = Option("S", "othersys", "the other server", fits=names.is_server_name)

COMMANDS = (
    LcdiCommand(
        "dep_list",
        "list dependencies",
        (
            DEST,
            SEPARATOR,
            tag_option("C", "tag", "with all that the resource requires"),
            tag_option("P", "tag", "with all that require the resource"),
            tag_option("c", "partag", "with what the resource requires directly"),
            tag_option("p", "chdtag", "with what requires the resource directly"),
            TYPE,
            APP,
        ),
        dep_list,
        record=("parent", "child"),
        exits=(LCDI_NO_OBJECT, LCDI_NO_COMMUNICATION),
        notes=("-r and -a choose by the child; with -p and -P by the parent.",),
    ),
    LcdiCommand(
        "dep_create",
        "make a resource require another one",
        (DEST, required(_PARENT), required(_CHILD)),
        dep_create,
        changes=True,
        exits=(LCDI_EXISTS, LCDI_NO_OBJECT, LCDI_NO_COMMUNICATION),
        notes=(
            "Both must be on the same server. Where a dependency is the same on all servers (Pacemaker), it is made"
            " once, and asking for it on a further server succeeds.",
        ),
    ),
    LcdiCommand(
        "dep_remove",
        "remove dependencies",
        (DEST, _PARENT, _CHILD),
        dep_remove,
        changes=True,
        exits=(LCDI_NO_OBJECT, LCDI_NO_COMMUNICATION),
        notes=("With one of -p and -c alone, all dependencies of that parent or child are removed.",),
    ),
    LcdiCommand(
        "eqv_list",
        "list on which other servers the resources are",
        (DEST, TAG, _KIND, SEPARATOR),
        eqv_list,
        record=_EQUIVALENCY,
        exits=(LCDI_NO_OBJECT, LCDI_NO_COMMUNICATION),
        notes=("Where -t names a resource that has none, the exit code is 7. Priority 1 is the highest.",),
    ),
    LcdiCommand(
        "eqv_create",
        "say that a resource is the same as one of another server",
        (
            DEST,
            required(TAG),
            Option("p", "priority", "of the server of -d, 1 is the highest", fits=is_number),
            required(_OTHER_SYSTEM),
            Option("r", "priority", "of the other server", fits=is_number),
            required(tag_option("o", "othertag", "the tag of the resource on the other server")),
            required(_KIND),
        ),
        eqv_create,
        changes=True,
        exits=(LCDI_RANGE, LCDI_NO_OBJECT, LCDI_NO_COMMUNICATION),
        notes=(
            "Under Pacemaker a tag that two servers have is the same resource there from the beginning, so this only"
            " sets priorities. These are the volume group's, and hold for all that stands on it; a resource without a"
            " volume group has none, and the command is refused. On the embedded engine there is no other server.",
        ),
    ),
    LcdiCommand(
        "eqv_remove",
        "say that a resource is not the same as one of another server",
        (
            DEST,
            required(TAG),
            required(_OTHER_SYSTEM),
            tag_option("o", "othertag", "the tag of the resource on the other server"),
            required(_KIND),
        ),
        eqv_remove,
        changes=True,
        exits=(LCDI_NO_OBJECT, LCDI_NO_COMMUNICATION),
        notes=("It is refused while both servers have the resource. It goes with the instance: see ins_remove.",),
    ),
    LcdiCommand(
        "hry_setpri",
        "set or print the priority of a server for hierarchies",
        (
            DEST,
            Option("t", "tags", "the resources; several are joined by byte 0x01", required=True, fits=bool),
            Option("p", "priority", "from 1, the highest, to 999", fits=is_number),
            Option("l", "", "print tag and priority of each"),
            Option("q", "", "not documented in public", is_idle=True),
            SEPARATOR,
        ),
        hry_setpri,
        record=("tag", "priority"),
        changes=True,
        exits=(LCDI_RANGE, LCDI_NO_OBJECT, LCDI_NO_COMMUNICATION),
        notes=("A priority is the volume group's. A single server has no order, and keeps none.",),
    ),
)
