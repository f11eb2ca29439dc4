"""What can go wrong in the lab, as one kind of exception that the command line shows as one line."""

from __future__ import annotations


class LabError(Exception):
    """The lab can't do what was asked; the text says what, why, and what to do."""
