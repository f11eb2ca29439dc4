"""What monitoring reads: metrics in Prometheus' text format (version 0.0.4), by its conventions for names.

A series stays for as long as the resource is protected: what is stopped, and an engine that does not answer, are values
and not gaps. Source: https://prometheus.io/docs/instrumenting/exposition_formats/ and its practices for naming.
"""

from __future__ import annotations

import time

from lvmkit import VERSION
from lvmkit.model.instance import STATES
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lvmkit.workflow.measure import Measurement
    from lvmkit.workflow.status import Resource, Survey

    Sample = tuple[dict[str, str], float]

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


class Gauge(Value):
    """One metric, with the sentence that explains it, and a sample for each set of labels."""

    name: str
    help: str
    samples: tuple[Sample, ...]


def exposition(measurement: Measurement) -> str:
    """The metrics as text."""
    return "".join(map(_text, gauges(measurement)))


def gauges(measurement: Measurement) -> Iterator[Gauge]:
    """All metrics. What has no sample has no line."""
    survey, look = measurement.survey, measurement.look
    yield _single("lvmkit_build_info", "The version of the kit.", 1, version=VERSION)
    yield _single("lvmkit_engine_up", "Whether the cluster engine of this server answered.", measurement.has_engine)
    yield from _of_servers(survey)
    yield from _of_resources(survey)
    yield _single("lvmkit_unfinished_changes", "Changes that are at work, or were interrupted.", measurement.unfinished)
    yield _single("lvmkit_watcher_wanted", "Whether this server is to be watched.", measurement.is_watch_wanted)
    yield _single("lvmkit_watcher_up", "Whether the watcher runs.", measurement.is_watched)
    if look is not None:
        then = int(time.time()) - look.age
        yield _single("lvmkit_watcher_last_look_timestamp_seconds", "When the watcher looked.", then)
    yield _single("lvmkit_measured_timestamp_seconds", "When these metrics were taken.", int(time.time()))


def _of_servers(survey: Survey) -> Iterator[Gauge]:
    online: list[Sample] = []
    fit: list[Sample] = []
    for server in survey.servers:
        online.append(({"server": server.name}, server.online))
        fit.append(({"server": server.name}, server.online and not server.unfit))
    yield Gauge("lvmkit_server_online", "Whether a server is an active member of the cluster.", tuple(online))
    yield Gauge("lvmkit_server_fit", "Whether a server can take resources.", tuple(fit))
    warnings = tuple(({"number": f"{each.number:06d}"}, 1.0) for each in dict.fromkeys(survey.warnings))
    yield Gauge("lvmkit_cluster_warning", "What is wrong with the cluster as a whole.", warnings)


def _of_resources(survey: Survey) -> Iterator[Gauge]:
    states: list[Sample] = []
    attention: list[Sample] = []
    faults: list[Sample] = []
    for resource in survey.resources:
        labels = {"tag": resource.instance.tag, "type": resource.instance.type}
        states += _states(resource, labels)
        attention.append((labels, resource.needs_attention))
        faults.append((labels, len(resource.faults)))
    yield Gauge("lvmkit_resource_state", "1 for the state that a resource has on a server, else 0.", tuple(states))
    yield Gauge(
        "lvmkit_resource_needs_attention",
        "Whether a resource has failed, or the kernel of this server contradicts its state.",
        tuple(attention),
    )
    yield Gauge("lvmkit_resource_faults", "What the kernel of this server says against a resource.", tuple(faults))


def _states(resource: Resource, labels: dict[str, str]) -> Iterator[Sample]:
    for place in resource.places:
        for state in STATES:
            yield {**labels, "server": place.instance.server, "state": state}, place.instance.state == state


def _single(name: str, meaning: str, value: float, **labels: str) -> Gauge:
    return Gauge(name, meaning, ((labels, value),))


def _text(gauge: Gauge) -> str:
    if not gauge.samples:
        return ""
    lines = [f"# HELP {gauge.name} {gauge.help}", f"# TYPE {gauge.name} gauge"]
    for labels, value in gauge.samples:
        lines.append(f"{gauge.name}{_labels(labels)} {value + 0}")
    return "\n".join(lines) + "\n"


def _labels(labels: dict[str, str]) -> str:
    pairs = ",".join(f'{name}="{text.translate(_ESCAPES)}"' for name, text in labels.items())
    return f"{{{pairs}}}" if pairs else ""
