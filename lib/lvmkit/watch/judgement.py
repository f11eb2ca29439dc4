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
"""seconds until the engine is asked again about what is still so, doubled each time"""
_DOUBLINGS = 7
"""after these it is the longest"""
REPEATS_AFTER_ARRIVAL = 3
"""LVM may not see a new disk before udev has seen to it, of which the kernel does not tell"""
ALWAYS, NEVER = float("inf"), float("inf")


class Memory(Value):
    """What is remembered from look to look."""

    repeats: float = 0
    """how often the engine is asked again about what lasts; ALWAYS where it may not have taken it: a cluster takes only
    what it has in service here and does not move"""
    answered: frozenset[Cause] = frozenset()
    """errors that the engine has been given, as long as they last"""
    further_looks: int = 0
    """how many there were at what may pass"""
    answers: int = 0
    """how many there were to the same errors"""
    last_answer: float = -ALWAYS


class Judgement(Value):
    """What is to be done now."""

    memory: Memory
    must_answer: bool = False
    look_again: float = NEVER
    """seconds until a further look"""


def judge(sight: Sight, memory: Memory, now: float) -> Judgement:
    """What a sight calls for. The same errors call for one answer, and for as many repeats as the memory has.

    now: seconds of a clock.
    """
    passing = sight.passing - memory.answered
    if passing and memory.further_looks < len(PAUSES):
        firm = sight.causes - passing
        pause = PAUSES[memory.further_looks]
        looks = memory.further_looks + 1
    else:
        firm, pause = sight.causes, NEVER
        looks = memory.further_looks if passing else 0
    memory = replace(memory, further_looks=looks, answered=memory.answered & sight.causes)
    wait = _time_of_answer(firm, memory) - now
    if wait > 0:
        return Judgement(memory, look_again=min(pause, wait))
    return Judgement(_answering(firm, memory, now), True, pause)


def after_arrival(memory: Memory) -> Memory:
    """A disk has come: what could not be helped before may be helped now, or in a moment."""
    return replace(memory, answered=frozenset(), repeats=max(memory.repeats, REPEATS_AFTER_ARRIVAL))


def _time_of_answer(firm: frozenset[Cause], memory: Memory) -> float:
    """When these errors are to be answered."""
    if firm - memory.answered:
        return memory.last_answer + BETWEEN_ANSWERS
    if not firm or not memory.repeats:
        return NEVER
    pause = FIRST_REPEAT
    for _ in range(min(memory.answers, _DOUBLINGS) - 1):
        pause *= 2
    return memory.last_answer + min(pause, LONGEST_REPEAT)


def _answering(firm: frozenset[Cause], memory: Memory, now: float) -> Memory:
    """The memory once they are."""
    if firm - memory.answered:
        return replace(memory, answered=firm, answers=1, last_answer=now)
    return replace(memory, answers=memory.answers + 1, repeats=memory.repeats - 1, last_answer=now)
