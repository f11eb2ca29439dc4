"""What a sight calls for: an answer of the engine, a further look, or nothing. Values in, values out."""

from __future__ import annotations

from lvmkit.model.value import Value, replace
from lvmkit.resources.health import PAUSES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.watch.sight import Cause, Sight

BETWEEN_ANSWERS = 2.0
"""seconds between two answers at least"""
FIRST_REPEAT, LONGEST_REPEAT = 5.0, 300.0
"""seconds until an engine is asked again about what is still so, doubled each time"""


class Memory(Value):
    """What is remembered from look to look."""

    answered: frozenset[Cause] = frozenset()
    """errors that the engine has been given, as long as they last"""
    further_looks: int = 0
    """how many there were at what may pass"""
    answers: int = 0
    """how many there were to the same errors"""
    last_answer: float = float("-inf")


class Judgement(Value):
    """What is to be done now."""

    memory: Memory
    must_answer: bool = False
    look_again: float = float("inf")
    """seconds until a further look"""


def judge(sight: Sight, memory: Memory, now: float, *, repeats: bool) -> Judgement:
    """What a sight calls for. The same errors call for one answer only.

    now: seconds of a clock.  repeats: whether the engine is asked again about what lasts, as it may not have taken it:
    it can only say so of what it has in service here.
    """
    passing = sight.passing - memory.answered
    if passing and memory.further_looks < len(PAUSES):
        firm = sight.causes - passing
        pause = PAUSES[memory.further_looks]
        looks = memory.further_looks + 1
    else:
        firm, pause = sight.causes, float("inf")
        looks = memory.further_looks if passing else 0
    memory = replace(memory, further_looks=looks, answered=memory.answered & sight.causes)
    is_due = bool(firm - memory.answered) or (repeats and bool(firm) and now >= _repeat_at(memory))
    if not is_due:
        return Judgement(memory, look_again=pause)
    wait = memory.last_answer + BETWEEN_ANSWERS - now
    if wait > 0:
        return Judgement(memory, look_again=min(pause, wait))
    answers = 1 if firm - memory.answered else memory.answers + 1
    return Judgement(replace(memory, answered=firm, answers=answers, last_answer=now), True, pause)


def after_arrival(memory: Memory) -> Memory:
    """A disk has come: what could not be helped before may be helped now."""
    return replace(memory, answered=frozenset())


def _repeat_at(memory: Memory) -> float:
    pause = FIRST_REPEAT * float(1 << max(0, memory.answers - 1))
    return memory.last_answer + min(pause, LONGEST_REPEAT)
