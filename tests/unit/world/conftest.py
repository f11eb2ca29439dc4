"""How long the property is looked for: 'unit' always does the same and is done in seconds, 'long' goes on at random."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings

_ANY = tuple(HealthCheck)

settings.register_profile(
    "unit",
    max_examples=60,
    stateful_step_count=12,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=_ANY,
    phases=(Phase.generate,),
    report_multiple_bugs=False,
)
settings.register_profile(
    "long",
    max_examples=3000,
    stateful_step_count=20,
    database=None,
    deadline=None,
    suppress_health_check=_ANY,
    report_multiple_bugs=False,
    print_blob=True,
)
settings.load_profile("unit")
