"""lvmkit check: is what should be in service there and well?"""

from __future__ import annotations

import click

from lvmkit.cli.layout import columns
from lvmkit.cli.naming import tag_of
from lvmkit.cli.options import TAG_OR_ID, event_format_option, pass_session, quiet_option
from lvmkit.model.instance import IN_SERVICE
from lvmkit.model.messages.command import NotInService
from lvmkit.model.phrase import Phrase
from lvmkit.model.resource_types import is_device
from lvmkit.view.check import OK, Verdict, after_recovery, check_facts, is_well, judge
from lvmkit.view.language import text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.cli.session import Session
    from lvmkit.cluster.port import Overview
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.instance import Instance
    from lvmkit.model.messages import Message
    from lvmkit.model.messages.guards import HeldTwice
    from lvmkit.plan import Kit
    from lvmkit.workflow.look import CheckResult


FAULT, NO_LOOK = 1, 3
"""exit codes; the second one is the LCDI's LCDI_INTERNAL, or what the failure itself says where that is more"""


@click.command(
    "check", epilog="Example: lvmkit check /data --deep", short_help="Check what is in service against the kernel."
)
@click.argument("words", metavar="[TAG|ID]...", type=TAG_OR_ID, nargs=-1)
@click.option("--deep", is_flag=True, help="Also read from every disk and ask every file system, under a deadline.")
@click.option("--all", "watch", is_flag=True, help="The engine's own round: check everything, report, and recover.")
@event_format_option
@quiet_option
@pass_session
def command(session: Session, words: tuple[str, ...], deep: bool, watch: bool) -> int:
    """Check everything that should be in service, or the hierarchies below the given tags, which then should be.

    In a cluster the other servers are asked, too, whether they hold a volume group that is up here or in service
    elsewhere; not with --all. Nothing is changed, except with --all. Exit 0 when all is well, 1 when there is a fault,
    3 when it could not be looked at. --quiet leaves out what is well.
    """
    if watch and (words or deep):
        raise click.UsageError(Phrase("--all takes neither tags nor --deep."))

    looked: list[bool] = []

    def job(kit: Kit) -> int:
        verdicts, is_known = _watch(kit) if watch else _check(words, deep, kit)
        session.answer(
            lambda: check_facts(verdicts, kit.port.local_server(), deep=deep),
            lambda: _as_text(verdicts, session.quiet),
        )
        looked.append(is_known)
        return 0 if is_well(verdicts) else FAULT

    status = session.work("check", " ".join(words), job)
    return status if looked == [True] else max(status, NO_LOOK)


def _check(words: tuple[str, ...], deep: bool, kit: Kit) -> tuple[list[Verdict], bool]:
    """The shallow check, with the deep one where it is wanted; also whether all of it could be looked at."""
    from lvmkit.workflow import status

    overview = kit.port.overview()
    hierarchy = overview.of(overview.local)
    chosen = _chosen(words, hierarchy) if words else None
    tags = status.in_service(hierarchy, kit) if chosen is None else chosen
    messages: dict[str, dict[Message, None]] = {}
    for instance in hierarchy.of_tags(tags):
        messages[instance.tag] = {}
        if words and _is_down(instance):
            messages[instance.tag][NotInService(instance.tag, instance.state)] = None
    findings = status.examine(tags, hierarchy, kit)
    if deep:
        findings = (*findings, *_deep(tags, hierarchy, kit))
    for finding in findings:
        messages[finding.tag].update(dict.fromkeys(finding.messages))
    for tag, message in _held_twice(chosen, overview, kit).items():
        messages.setdefault(tag, {})[message] = None
    verdicts = [_verdict(tag, hierarchy, tuple(each)) for tag, each in messages.items()]
    return verdicts, all(finding.is_known for finding in findings)


def _chosen(words: tuple[str, ...], hierarchy: Hierarchy) -> tuple[str, ...]:
    """The tags that are meant and all below them, in the order of restore."""
    tags: set[str] = set()
    for word in words:
        tags.update(hierarchy.below(tag_of(word, hierarchy)))
    return hierarchy.restore_order(tags)


def _held_twice(tags: Iterable[str] | None, overview: Overview, kit: Kit) -> dict[str, HeldTwice]:
    if not kit.port.capabilities.several_servers:
        return {}
    from lvmkit.workflow.two_holders import held_twice

    return held_twice(overview, kit, tags)


def _deep(tags: Iterable[str], hierarchy: Hierarchy, kit: Kit) -> tuple[CheckResult, ...]:
    from lvmkit.workflow.deep_check import deep_check

    return deep_check(tags, hierarchy, kit)


def _watch(kit: Kit) -> tuple[list[Verdict], bool]:
    """The engine's round: what it found, and how everything that should be in service stands after it."""
    from lvmkit.workflow import recover, status

    wanted = status.in_service(kit.port.hierarchy(), kit)
    findings = {finding.tag: finding for finding in recover.watch(kit)}
    hierarchy = kit.port.hierarchy()
    verdicts = []
    for tag in hierarchy.restore_order({*wanted, *findings}):
        finding = findings.get(tag)
        verdict = _verdict(tag, hierarchy, finding.messages if finding else ())
        verdicts.append(after_recovery(verdict, has_recovered=finding is not None and finding.has_recovered))
    return verdicts, all(finding.is_known for finding in findings.values())


def _verdict(tag: str, hierarchy: Hierarchy, messages: tuple[Message, ...]) -> Verdict:
    instance = hierarchy.by_tag(tag)
    return judge(tag, instance.state if instance else "", messages)


def _is_down(instance: Instance) -> bool:
    """A disk has no state of its own that would say anything."""
    return not is_device(instance.type) and instance.state not in IN_SERVICE


def _as_text(verdicts: list[Verdict], quiet: bool) -> str:
    rows: list[tuple[str, ...]] = []
    for verdict in verdicts:
        if quiet and verdict.word == OK:
            continue
        for message in verdict.messages:
            rows.append((verdict.word, verdict.tag, f"{message.number:06d}", text_of(message)))
        if not verdict.messages:
            rows.append((verdict.word, verdict.tag, "", verdict.state))
    return columns(rows)
