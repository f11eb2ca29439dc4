"""The commands that change something: what they call, what they print, and that a dry run calls nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit.cli.adddelpv import program as adddelpv
from lvmkit.cli.commands import delete as delete_command
from lvmkit.cluster.port import Change
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import FILESYS, LVMLV, OSU, Dependency
from lvmkit.model.messages import Failure
from lvmkit.model.messages.guide import FailedCreation
from lvmkit.model.messages.service import PvsMissing
from lvmkit.model.messages.storage import NotOnLvm
from lvmkit.model.value import replace
from lvmkit.plan import Plan
from lvmkit.steps import BringInService, Commit, ListVg
from lvmkit.storage import lkvgs
from lvmkit.workflow import create, reconfigure
from lvmkit.workflow.create import CreateDraft, CreateRequest
from lvmkit.workflow.devices import CarrierChange
from lvmkit.workflow.reconfigure import Difference, LvChange, PvChange
from tests.unit.fakes import LV_UUID, VG_UUID, FakePort, Shell, data_hierarchy, instance, numbers, paths

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from click.testing import Result

    from lvmkit.plan import Kit

MISSING = PvsMissing("vg1", 1, ("A",))
SHARED = Dependency("/logs", "vg1/logs"), Dependency("vg1/logs", "vg1")
LOGS = (
    instance(FILESYS, "/logs", "/logs", device="/dev/vg1/logs", fstype="ext4"),
    instance(LVMLV, "vg1/logs", "/dev/vg1/logs", vg_uuid=VG_UUID, lv_uuid=LV_UUID),
)
DIFFERENCE = Difference(
    "vg1", "vg1", (PvChange("/dev/disk/by-id/C", "C"),), (PvChange("/dev/disk/by-id/B", "B", "disk-B"),),
    (LvChange("new", "N"),), (LvChange("old", "O", "vg1/old"),), True, True,
    carried=(CarrierChange("disk-A", "datarep", ("disk-X",)),),
)  # fmt: skip
SAME = Difference("vg1", "vg1", (), (), (LvChange("new", "N"),), ())


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(tmp_path, FakePort(data_hierarchy()), monkeypatch)


def _json(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    assert found["schema_version"] == 1
    return found


class TestCreate:
    @pytest.fixture
    def requests(self, monkeypatch: pytest.MonkeyPatch) -> list[CreateRequest]:
        requests: list[CreateRequest] = []

        def make(request: CreateRequest, _kit: Kit) -> str:
            requests.append(request)
            return "/data"

        def draft(request: CreateRequest, kit: Kit) -> CreateDraft:
            requests.append(request)
            now = kit.port.hierarchy()
            new = tuple(replace(i, state=OSU) for i in data_hierarchy().instances if now.by_tag(i.tag) is None)
            links = tuple(d for d in data_hierarchy().dependencies if d not in now.dependencies)
            change = Commit(Change(add=new, link=links))
            return CreateDraft(Plan("create", (ListVg("vg1", True), change, BringInService("/data", True))), "/data")

        monkeypatch.setattr(create, "create", make)
        monkeypatch.setattr(create, "draft_creation", draft)
        return requests

    def test_the_roots_tag_is_the_result(self, shell: Shell, requests: list[CreateRequest]) -> None:
        result = shell.run("create", "/data")
        assert (result.exit_code, result.stdout, result.stderr) == (0, "/data\n", "")
        assert requests == [CreateRequest("/data", "", "INTELLIGENT")]
        found = _json(shell.run("create", "/data", "--format", "json"))
        assert (found["root"], found["dry_run"]) == ("/data", False)

    def test_reservations_as_asked_for(self, shell: Shell, requests: list[CreateRequest]) -> None:
        shell.run("create", "/data", "--reservation", "scsi")
        assert requests == [CreateRequest("/data", "", "INTELLIGENT", reservation="scsi")]

    @pytest.mark.parametrize("given", ["automatic", "AUTOMATIC", "Automatic"])
    def test_the_switchback_type_in_any_case(self, shell: Shell, requests: list[CreateRequest], given: str) -> None:
        assert shell.run("create", "/data", "-t", "payroll", "-s", given).exit_code == 0
        assert requests == [CreateRequest("/data", "payroll", "AUTOMATIC")]

    def test_the_first_reason_decides_the_exit_code(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(_wish: CreateRequest, _kit: Kit) -> str:
            raise Failure(NotOnLvm("/data", "/dev/sda1"), FailedCreation("/data", "n1"))

        monkeypatch.setattr(create, "create", refuse)
        result = shell.run("create", "/data")
        assert (result.exit_code, numbers(result), result.stdout) == (5, [110065, 24], "")

    def test_a_dry_run_shows_what_is_new_and_the_steps(self, shell: Shell, requests: list[CreateRequest]) -> None:
        disks = Hierarchy(shell.port.now.instances[3:])
        shell.port.now = disks
        result = shell.run("create", "/data", "--dry-run", "--format", "json")
        found = _json(result)
        assert {r["tag"]: r["new"] for r in found["resources"]} == {
            "/data": True, "vg1/data": True, "vg1": True, "disk-A": False, "disk-B": False,
        }  # fmt: skip
        assert (found["dry_run"], found["root"], len(found["steps"])) == (True, "/data", 3)
        assert next(r for r in found["resources"] if r["tag"] == "vg1")["children"] == ["disk-A", "disk-B"]
        assert (shell.port.calls, shell.port.now) == ([], disks)

    def test_a_dry_run_as_text_has_the_same(self, shell: Shell, requests: list[CreateRequest]) -> None:
        shell.port.now = Hierarchy(shell.port.now.instances[3:])
        tree, steps = shell.run("create", "/data", "-n").stdout.split("\n\n")
        assert [line.split()[-1] for line in tree.splitlines()[1:]] == ["new", "new", "new", "exists", "exists"]
        assert [line.split()[0] for line in steps.splitlines()] == ["1.", "2.", "3."]


class TestMoves:
    def test_in_service_is_by_tag_or_id_and_quiet_on_stdout(self, shell: Shell) -> None:
        shell.port.now = data_hierarchy(OSU)
        result = shell.run("in-service", "lvmvg-vg1")
        assert (result.exit_code, result.stdout, shell.port.moves) == (0, "", [("restore", "vg1")])
        assert shell.port.in_service() == {"vg1", "disk-A", "disk-B"}

    def test_out_of_service(self, shell: Shell) -> None:
        result = shell.run("out-of-service", "vg1")
        assert (result.exit_code, result.stdout, shell.port.moves) == (0, "", [("remove", "vg1")])
        assert shell.port.in_service() == {"disk-A", "disk-B"}

    def test_a_failure_has_the_reason_first(self, shell: Shell) -> None:
        shell.port.failing = {"/data": MISSING}
        result = shell.run("in-service", "/data")
        assert (result.exit_code, numbers(result)) == (1, [110014, 23, 22])
        assert shell.run("out-of-service", "/data").exit_code == 1

    def test_a_dry_run_shows_the_order_of_what_is_left_to_do(self, shell: Shell) -> None:
        shell.port.now = data_hierarchy(OSU)
        shell.port.set_state("disk-A", "ISP")
        shell.port.calls.clear()
        found = _json(shell.run("in-service", "/data", "-n", "--format", "json"))
        assert (found["action"], [r["tag"] for r in found["resources"]]) == (
            "restore", ["disk-B", "vg1", "vg1/data", "/data"],
        )  # fmt: skip
        assert shell.port.calls == []

    def test_a_dry_run_out_of_service_is_parents_first(self, shell: Shell) -> None:
        lines = shell.run("out-of-service", "vg1", "--dry-run").stdout.splitlines()
        legs = _json(shell.run("out-of-service", "vg1", "--dry-run", "--format", "json"))["resources"]
        assert [leg["tag"] for leg in legs] == [line.split()[2] for line in lines]
        assert [line.split()[1:3] for line in lines] == [["remove", tag] for tag in ("/data", "vg1/data", "vg1")]
        assert shell.port.calls == []
        shell.port.now = data_hierarchy(OSU)
        assert shell.run("out-of-service", "vg1", "--dry-run").stdout == ""


class TestDelete:
    @pytest.fixture(autouse=True)
    def _shared(self, shell: Shell, tmp_path: Path) -> None:
        now = shell.port.now
        shell.port.now = Hierarchy((*now.instances, *LOGS), (*now.dependencies, *SHARED))
        lkvgs.add(paths(tmp_path).lkvgs, "vg1")

    def test_what_went_is_printed_and_what_is_shared_stays(self, shell: Shell) -> None:
        result = shell.run("delete", "/data")
        assert (result.exit_code, result.stdout) == (0, "/data\nvg1/data\n")
        assert set(shell.port.now.tags) == {"/logs", "vg1/logs", "vg1", "disk-A", "disk-B"}

    def test_the_last_hierarchy_takes_the_volume_group_with_it(self, shell: Shell, tmp_path: Path) -> None:
        shell.run("delete", "/data")
        found = _json(shell.run("delete", "/logs", "--format", "json"))
        assert set(found["gone"]) == {"/logs", "vg1/logs", "vg1", "disk-A", "disk-B"}
        assert (shell.port.now.tags, lkvgs.listed(paths(tmp_path).lkvgs)) == ((), ())

    def test_only_a_root_can_be_deleted(self, shell: Shell) -> None:
        result = shell.run("delete", "vg1")
        assert (result.exit_code, numbers(result)) == (8, [110086])
        assert len(shell.port.now.instances) == 7

    def test_a_dry_run_says_what_goes_and_what_stays(self, shell: Shell) -> None:
        found = _json(shell.run("delete", "/data", "-n", "--format", "json"))
        assert found["gone"] == ["/data", "vg1/data"]
        assert found["stays"][0] == {"tag": "vg1", "parents": ["vg1/logs"]}
        text = shell.run("delete", "/data", "-n").stdout
        assert [line.split()[:2] for line in text.splitlines()[:3]] == [
            ["goes", "/data"], ["goes", "vg1/data"], ["stays", "vg1"],
        ]  # fmt: skip
        assert shell.port.calls == []

    @pytest.mark.parametrize(("answer", "exit_code", "left"), [(False, 1, 7), (True, 0, 5)])
    def test_a_person_is_asked(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch, answer: bool, exit_code: int, left: int
    ) -> None:
        questions: list[str] = []

        def confirms(question: str) -> bool:
            questions.append(question)
            return answer

        monkeypatch.setattr(delete_command, "is_interactive", lambda: True)
        monkeypatch.setattr(delete_command, "confirms", confirms)
        result = shell.run("delete", "/data")
        assert (result.exit_code, len(shell.port.now.instances)) == (exit_code, left)
        assert (110112 in numbers(result)) is not answer
        assert len(questions) == 1
        assert "/data, vg1/data" in questions[0]

    def test_nobody_is_asked_with_yes_or_without_a_terminal(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(delete_command, "confirms", lambda _question: pytest.fail("asked"))
        assert shell.run("delete", "/data").exit_code == 0
        monkeypatch.setattr(delete_command, "is_interactive", lambda: True)
        assert shell.run("delete", "/logs", "--yes").exit_code == 0


class TestReconfigure:
    @pytest.fixture
    def applied(self, monkeypatch: pytest.MonkeyPatch) -> list[object]:
        applied: list[object] = []

        def apply(
            tag: str,
            _kit: Kit,
            only: tuple[Sequence[str], Sequence[str]] | None = None,
            *,
            here: bool,
            expected: str,
        ) -> Difference:
            assert not here
            applied.append((tag, only or expected or None))
            return DIFFERENCE

        monkeypatch.setattr(reconfigure, "reconfigure", apply)
        monkeypatch.setattr(reconfigure, "difference", lambda _tag, _kit: DIFFERENCE)
        return applied

    def test_the_tag_alone_shows_the_difference(self, shell: Shell, applied: list[object]) -> None:
        result = shell.run("vg1", command=adddelpv)
        assert [line.split()[:3] for line in result.stdout.splitlines()] == [
            ["+", "disk", "/dev/disk/by-id/C"], ["-", "disk", "/dev/disk/by-id/B"], ["-", "volume", "vg1/old"],
            ["+", "link", "disk-A"], ["+", "list", "/etc/lkvgs"], ["~", "record", "vg1"], ["volume", "vg1/new", "not"],
        ]  # fmt: skip
        assert (result.exit_code, numbers(result), applied, shell.port.calls) == (0, [110106], [], [])

    @pytest.mark.parametrize(
        ("words", "only"),
        [
            (("--yes",), None),
            (("/dev/sdc,/dev/sdd", "disk-B"), (("/dev/sdc", "/dev/sdd"), ("disk-B",))),
            (("/dev/sdc", "-"), (("/dev/sdc",), ())),
            (("", "disk-B"), ((), ("disk-B",))),
            (("-", ""), ((), ())),
        ],
    )
    def test_yes_or_both_lists_apply_it(
        self, shell: Shell, applied: list[object], words: tuple[str, ...], only: object
    ) -> None:
        result = shell.run("lvmvg-vg1", *words, command=adddelpv)
        assert (result.exit_code, numbers(result), applied) == (0, [], [("vg1", only)])
        assert shell.run("reconfigure", "vg1", *words).stdout == result.stdout

    @pytest.mark.parametrize("bad", ["/dev/sdc,", "/dev/sdc,-x", "a\nb", ","])
    def test_a_list_with_a_word_that_names_nothing_is_refused(
        self, shell: Shell, applied: list[object], bad: str
    ) -> None:
        result = shell.run("vg1", bad, "-", command=adddelpv)
        assert (result.exit_code, numbers(result), applied) == (5, [110100], [])

    def test_json_has_the_whole_difference(self, shell: Shell, applied: list[object]) -> None:
        found = _json(shell.run("vg1", "--format", "json", command=adddelpv))
        assert (found["applied"], found["nothing_to_do"], found["listed"], found["watched"]) == (False,) * 4
        assert found["added"] == [{"device": "/dev/disk/by-id/C", "pv_uuid": "C", "tag": ""}]
        assert found["removed"] == [{"device": "/dev/disk/by-id/B", "pv_uuid": "B", "tag": "disk-B"}]
        assert found["carried"] == [{"tag": "disk-A", "carrier": "datarep", "instead": ["disk-X"]}]
        assert [lv["name"] for lv in (*found["new_volumes"], *found["gone_volumes"])] == ["new", "old"]
        assert _json(shell.run("vg1", "--yes", "--format", "json", command=adddelpv))["applied"] is True

    @pytest.mark.parametrize("words", [(), ("--yes",)])
    def test_nothing_to_do_is_a_result_of_its_own(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
    ) -> None:
        monkeypatch.setattr(reconfigure, "difference", lambda *_: SAME)
        monkeypatch.setattr(reconfigure, "reconfigure", lambda *_, **__: SAME)
        result = shell.run("vg1", *words, command=adddelpv)
        assert (result.exit_code, numbers(result)) == (0, [110102])
        found = _json(shell.run("vg1", *words, "--format", "json", command=adddelpv))
        assert (found["nothing_to_do"], found["applied"]) == (True, False)
