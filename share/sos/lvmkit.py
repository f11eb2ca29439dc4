# SPDX-License-Identifier: GPL-2.0-or-later
"""lvmkit in the report of sos: what the kit knows and has written; LVM and the cluster have plugins of their own."""

from sos.report.plugins import DebianPlugin, IndependentPlugin, Plugin, RedHatPlugin, UbuntuPlugin

SECRETS = (
    (
        r"(?im)((?:^|[\s,;\"])[\w.-]*(?:passw|passphrase|secret|credential)[\w.-]*[\"']?\s*[=:]\s*)(\"[^\"]*\"|[^\s,;]+)",
        r"\1********",
    ),
    (r"(\b[a-z][a-z0-9+.-]*://[^\s/:@]+:)[^\s/@]+(?=@)", r"\1********"),
)


class Lvmkit(Plugin, RedHatPlugin, DebianPlugin, UbuntuPlugin, IndependentPlugin):
    """What the LVM Recovery Kit knows, and what it has written."""

    short_desc = "LVM Recovery Kit"
    plugin_name = "lvmkit"
    profiles = ("cluster", "ha", "storage")
    packages = ("lvmkit",)
    files = ("/usr/sbin/lvmkit",)

    def setup(self) -> None:
        """Say what is to be collected."""
        self.add_copy_spec(
            [
                "/etc/default/lvmkit",
                "/etc/default/LifeKeeper",
                "/etc/lkvgs",
                "/run/lvmkit/*",
                "/var/lib/lvmkit/journal*",
            ]
        )
        self.add_cmd_output(
            [
                "lvmkit --version",
                "lvmkit --quiet status",
                "lvmkit --quiet status --format json",
                "lvmkit --quiet show --output-format json",
                "lvmkit --quiet doctor",
                "lvmkit --quiet journal",
                "lvmkit --quiet metrics",
            ]
        )
        self.add_journal(units=["lvmkit-check", "lvmkit-watch", "lvmkit-boot-guard"])
        self.add_journal(identifier="lvmkit")

    def postproc(self) -> None:
        """Leave secrets out."""
        for pattern, instead in SECRETS:
            self.do_path_regex_sub(r"/etc/default/(lvmkit|LifeKeeper)", pattern, instead)
            self.do_cmd_output_sub("lvmkit", pattern, instead)
