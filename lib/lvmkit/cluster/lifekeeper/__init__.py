"""The cluster port over a core of LifeKeeper: its LCDI commands as processes, found under $LKROOT/bin.

What becomes what. An instance is an instance, a dependency a dependency, on each server its own. The same thing on two
servers is an equivalency (SHARED); LifeKeeper gives tags no meaning, so it may have another tag on each. hierarchy_of()
has a server's own tags, overview() calls everything by its tag here.

What is relied on. Exit codes 0-9. Of `ins_list` the first seven fields; what follows is recognised by what it is, for
no manual says in which order it comes. Of `dep_list` that a record holds two tags, the parent first; of `eqv_list` the
first four fields. Machines and priorities are read from `lcdstatus`. Words may be in upper or lower case, and records
may have more fields. A text that does not end with a line's end was cut short, a state that is none is damage, and
neither is taken for an empty hierarchy: it is a Failure, as every exit code but 0 is.

A change. LCDI has no transactions. The whole change is compared with the records first, and refused as a whole; then
its commands run in an order that keeps what is in the records usable (commit.py). Where one fails, those before it are
taken back. Where we are killed, the plan's journal says so, and its next run takes back what is there: so remember()
and put_back() work row by row (kept.py), and do not believe that one row speaks for all, as the other engines may.

An ID cannot be changed (there is no ins_setid). What gets another one is made anew, with its dependencies and
equivalencies. Its info is emptied first: the core runs the type's delete action when an instance goes, and what a
volume group without a UUID has to give back is nothing.

Costs: hierarchy() starts 2 programs, overview() 3 and 2 for each server; at_hand() starts none, it reads the copy that
the last of the kit's runs left (copy.py).

LifeKeeper is imported on first use only, so that importing one light module of this package stays light.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cluster.lifekeeper.adapter import LifeKeeper

__all__ = ["LifeKeeper"]


def __getattr__(name: str) -> type[LifeKeeper]:
    if name != "LifeKeeper":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lvmkit.cluster.lifekeeper.adapter import LifeKeeper

    return LifeKeeper
