"""What can go wrong in the lab, as one kind of exception that the command line shows as one line."""

from __future__ import annotations


class LabError(Exception):
    """The lab can't do what was asked; the text says what, why, and what to do."""


class NotInstalledError(LabError):
    """A program the lab needs is not on this machine."""

    def __init__(self, program: str, package: str) -> None:
        """Name the program, and the Debian package it comes in."""
        super().__init__(f"{program}: not installed (apt-get install {package})")
