"""Two servers never hold one volume group because of the kit, whatever is done before: looked for at random.

In the unit tests always the same stories are told, in seconds. 'make check-long' tells others each time, for minutes,
and shrinks what it finds; then it belongs to test_stories.py, where it is told each time.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

from tests.unit.world.rules import TwoServers

_COMMON = settings(
    database=None, deadline=None, suppress_health_check=tuple(HealthCheck), report_multiple_bugs=False, print_blob=True
)
_SEARCHES = {
    # To shrink takes minutes, so only the long search does.
    "short": settings(_COMMON, max_examples=40, stateful_step_count=10, derandomize=True, phases=(Phase.generate,)),
    "long": settings(_COMMON, max_examples=2000, stateful_step_count=15),
}

TestTwoServers = TwoServers.TestCase
TestTwoServers.settings = _SEARCHES[os.environ.get("LVMKIT_SEARCH", "short")]
