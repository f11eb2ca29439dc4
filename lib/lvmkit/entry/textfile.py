"""The metrics as a file for node_exporter's textfile collector, which reads *.prom in the folder LVMKIT_METRICS."""

from __future__ import annotations

import os

from lvmkit.model.messages import Failure
from lvmkit.model.messages.view import MetricsNotWritten
from lvmkit.storage import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.plan import Kit

NAME = "lvmkit.prom"


def write_textfile(kit: Kit) -> None:
    """Measure and replace the file, in one step. Raises Failure (110502)."""
    from lvmkit.view.metrics import exposition
    from lvmkit.workflow.measure import measure

    folder = kit.settings.metrics
    if not folder:
        raise Failure(MetricsNotWritten("LVMKIT_METRICS", "it names no folder"))
    path = os.path.join(folder, NAME)
    try:
        files.replace(path, exposition(measure(kit)))
    except Failure as failure:
        raise Failure(MetricsNotWritten(path, str(failure)), *failure.messages) from failure
