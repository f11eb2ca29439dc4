"""Tunables: data, not shell."""

from __future__ import annotations

from pathlib import Path

import pytest

from lvmkit.model.messages.storage import FileUnreadable, SettingIgnored
from lvmkit.model.settings import Settings
from lvmkit.model.value import replace
from lvmkit.storage.conffile import _KEYS, load_settings


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "LifeKeeper"


def test_a_missing_file_means_the_defaults(path: Path) -> None:
    assert load_settings(str(path)) == (Settings(), ())


@pytest.mark.parametrize(
    "line",
    [
        "LKCHECKINTERVAL=60",
        "  export   LKCHECKINTERVAL=60",
        "LKCHECKINTERVAL='60'",
        'LKCHECKINTERVAL="60" # minutes? no',
        "LKCHECKINTERVAL=60   # seconds",
        "LKCHECKINTERVAL=5\nLKCHECKINTERVAL=60",
        "LKCHECKINTERVAL=junk\nLKCHECKINTERVAL=60",
        "LKCHECKINTERVAL=60\n# LKCHECKINTERVAL=7\n#LKCHECKINTERVAL=8",
        "OTHER='a\nLKCHECKINTERVAL=60\nPATH=$(rm -rf /)\n=\n\n\x00\nif true; then",
        "LKCHECKINTERVAL=60\r",
    ],
)
def test_assignments_are_understood_as_a_shell_would(path: Path, line: str) -> None:
    path.write_bytes(line.encode() + b"\n")
    assert load_settings(str(path)) == (replace(Settings(), check_interval=60), ())


def test_every_setting_has_its_key(path: Path) -> None:
    path.write_text(
        "LKCHECKINTERVAL=30\nLVMKIT_MISSING_PV=degraded\nLVMKIT_COMMAND_DEADLINE=1.5\nLVMKIT_ACTION_DEADLINE=2\n"
        "LVMKIT_PROBE_DEADLINE=3\nLVMKIT_PEER_PATIENCE=7\nLVMKIT_BUSY_PATIENCE=0\nLVMKIT_LOCK_PATIENCE=4\nFS_UMOUNT_RETRIES=0\n"
        "LVMKIT_KILL_RETRIES=6\nLVMKIT_ENGINE=embedded\nLVMKIT_OWNERSHIP=none\nLVMKIT_SSH=/usr/bin/other\n"
        "LVMKIT_RECOVERIES=5\nLVMKIT_DEEP_DEADLINE=20\nLVMKIT_WATCH=yes\nLVMKIT_WATCH_INTERVAL=8\nLVMKIT_METRICS=/srv/m\n"
        "LKROOT=/opt/core\nLVMKIT_CORE_FENCES=yes\nREMOTETIMEOUT=60\n"
        "LVMKIT_ALERT_AGENT=/srv/a\nLVMKIT_ALERT_RECIPIENT=me\n"
        "LVMKIT_RESERVATION=scsi\n"
    )
    settings, messages = load_settings(str(path))
    seconds = (1.5, 2.0, 3.0, 7.0, 0.0, 4.0)
    engine = ("embedded", "/opt/core", "yes", "none", "/usr/bin/other")
    retries, rounds = (0, 6), (5, 20.0)
    expected = Settings(30, "degraded", *seconds, *retries, *engine, *rounds, "yes", 8)
    others = {"alert_agent": "/srv/a", "alert_recipient": "me", "metrics": "/srv/m", "remote_timeout": 60}
    assert settings == replace(expected, **others, reservation="scsi")
    assert messages == ()
    assert all(getattr(settings, name) != getattr(Settings(), name) for name in Settings._fields)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("LKCHECKINTERVAL", "0"),
        ("LKCHECKINTERVAL", "-5"),
        ("LKCHECKINTERVAL", "1.5"),
        ("LKCHECKINTERVAL", ""),
        ("LKCHECKINTERVAL", "9" * 5000),
        ("LVMKIT_COMMAND_DEADLINE", "nan"),
        ("LVMKIT_COMMAND_DEADLINE", "inf"),
        ("LVMKIT_COMMAND_DEADLINE", "0"),
        ("LVMKIT_BUSY_PATIENCE", "-1"),
        ("LVMKIT_BUSY_PATIENCE", "86401"),
        ("LVMKIT_MISSING_PV", "partial"),
        ("FS_UMOUNT_RETRIES", "-1"),
        ("LVMKIT_KILL_RETRIES", "1001"),
    ],
)
def test_a_value_that_makes_no_sense_gives_the_default_and_a_warning(path: Path, key: str, value: str) -> None:
    path.write_text(f"{key}={value}\n")
    settings, (message,) = load_settings(str(path))
    assert settings == Settings()
    assert isinstance(message, SettingIgnored)
    assert (message.path, message.key, message.value) == (str(path), key, value)


def test_the_last_line_counts_also_when_it_is_the_bad_one(path: Path) -> None:
    path.write_text("LKCHECKINTERVAL=60\nLKCHECKINTERVAL=x\n")
    settings, messages = load_settings(str(path))
    assert settings.check_interval == Settings.check_interval
    assert [type(message) for message in messages] == [SettingIgnored]


def test_a_file_that_cannot_be_read_is_told_and_the_defaults_hold(path: Path) -> None:
    path.mkdir()
    settings, (message,) = load_settings(str(path))
    assert settings == Settings()
    assert isinstance(message, FileUnreadable)


def test_bytes_that_are_not_text_do_no_harm(path: Path) -> None:
    path.write_bytes(b"\xff\xfe=\xe9\nLKCHECKINTERVAL=\xe9\nLVMKIT_LOCK_PATIENCE=7\n")
    settings, (message,) = load_settings(str(path))
    assert settings.lock_patience == 7
    assert isinstance(message, SettingIgnored)
    assert message.text.isprintable()


def test_the_kits_own_file_goes_before_lifekeepers(path: Path, tmp_path: Path) -> None:
    own = tmp_path / "lvmkit"
    path.write_text("LKCHECKINTERVAL=60\nLVMKIT_RECOVERIES=9\nLVMKIT_KILL_RETRIES=x\nLVMKIT_LOCK_PATIENCE=3\n")
    own.write_text("LKCHECKINTERVAL=30\nLVMKIT_KILL_RETRIES=7\nLVMKIT_LOCK_PATIENCE=x\n")
    settings, (message,) = load_settings(str(path), str(own))
    assert (settings.check_interval, settings.recoveries, settings.kernel_retries) == (30, 9, 7)
    assert settings.lock_patience == Settings.lock_patience
    assert isinstance(message, SettingIgnored)
    assert (message.path, message.key) == (str(own), "LVMKIT_LOCK_PATIENCE")


def test_one_of_two_files_that_cannot_be_read_does_not_hide_the_other(path: Path, tmp_path: Path) -> None:
    path.mkdir()
    own = tmp_path / "lvmkit"
    own.write_text("LKCHECKINTERVAL=30\n")
    settings, (message,) = load_settings(str(path), str(own))
    assert settings == replace(Settings(), check_interval=30)
    assert isinstance(message, FileUnreadable)


def test_the_file_that_is_installed_has_every_setting_with_its_default(path: Path) -> None:
    installed = (Path(__file__).parents[2] / "share/default/lvmkit").read_text()
    path.write_text(installed)
    assert load_settings(str(path)) == (Settings(), ())
    lines = [line[1:] for line in installed.splitlines() if line[:1] == "#" and "=" in line and " " not in line]
    path.write_text("\n".join(lines))
    assert load_settings(str(path)) == (Settings(), ())
    assert {line.partition("=")[0] for line in lines} == _KEYS.keys()
