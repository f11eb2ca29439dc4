"""Whether a program can be run as root: nobody but root may have been able to put it there or change it."""

from __future__ import annotations

import os
import stat

from lvmkit.storage import files

_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def fault(path: str) -> str:
    """Why a program is not to be run; '' where it may be. Links are followed, and the folders on both sides count."""
    try:
        status = os.stat(path)
        folders = list(map(os.stat, _folders_above(path) | _folders_above(os.path.realpath(path))))
    except OSError as error:
        return files.why(error)
    if not stat.S_ISREG(status.st_mode):
        return "it is not a regular file"
    if not _is_owner_trusted(status) or status.st_mode & _OTHERS_MAY_WRITE:
        return "it is owned by, or writable by, others than root"
    if not status.st_mode & stat.S_IXUSR:
        return "it is not executable"
    if not all(map(_is_folder_trusted, folders)):
        return "a folder above it is owned by, or writable by, others than root"
    return ""


def _is_owner_trusted(status: os.stat_result) -> bool:
    return status.st_uid in (0, os.geteuid())


def _is_folder_trusted(status: os.stat_result) -> bool:
    """In a folder with the sticky bit others can add files, but not replace ours."""
    is_open = status.st_mode & _OTHERS_MAY_WRITE and not status.st_mode & stat.S_ISVTX
    return _is_owner_trusted(status) and not is_open


def _folders_above(path: str) -> set[str]:
    folders = set()
    while path != "/":
        path = os.path.dirname(path)
        folders.add(path)
    return folders
