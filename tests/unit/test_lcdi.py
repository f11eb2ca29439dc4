"""LifeKeeper's commands on the embedded engine: exit codes, records, and what they change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.cluster.embedded import Engine
from lvmkit.entry import report
from lvmkit.entry.lcdi import program
from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import NotStored
from lvmkit.model.settings import Settings
from tests.unit.lcdi_server import APP, HERE, SOH, Server

if TYPE_CHECKING:
    from pytest_mock import MockerFixture

ELSEWHERE = [name for name in program.NAMES if "dest" in [each.word for each in program.described(name).options]]


@pytest.mark.parametrize("name", program.NAMES)
def test_every_command_explains_itself(server: Server, name: str) -> None:
    helped = server(name, "-h")
    assert (helped.code, helped.numbers) == (0, ())
    assert helped.lines[0].startswith(f"Usage: {name}")


@pytest.mark.parametrize(
    ("name", "usage"),
    [
        ("ins_setas", "ins_setas [-d dest] -t tag -s {INTELLIGENT|AUTOMATIC}"),
        ("typ_list", "typ_list [-d dest] [-fC] [-a app]"),
        ("flg_test", "flg_test [-d dest] -f flag"),
        ("lcdremexec", "lcdremexec [-e] -d dest [-t timeout] [-- program argument...]"),
    ],
)
def test_the_usage_shows_how_each_option_is_given(server: Server, name: str, usage: str) -> None:
    assert server(name, "-h").lines[0] == f"Usage: {usage}"


def test_the_help_has_each_option_with_its_choices_and_the_fields_of_a_line(server: Server) -> None:
    assert server("ins_setas", "-h").lines[2:] == [
        "Set the switchback of a resource.",
        "",
        "  -d dest       the server whose records are meant; this one where it is not given",
        "  -t tag        the tag of the resource",
        "  -s switchback whether it goes back to a server of higher priority (INTELLIGENT, AUTOMATIC)",
        "  -h            print this",
    ]
    assert server("typ_list", "-h").lines[-2:] == ["", "Each line: app, type."]


def test_what_a_command_is_called_wrongly_with_is_named(server: Server) -> None:
    server.chain("a", "b")
    for words, said in (
        (("ins_list", "-t"), "option -t needs an argument; ins_list [-d dest]"),
        (("ins_gettag", "-i", ""), "'' is not a valid id."),
        (("ins_create", *APP, "-t", "n w"), "n w is not a valid tag."),
        (("ins_list", "-t", "none"), ": tag none\n"),
        (("ins_gettag", "-i", "none"), ": ID none\n"),
        (("dep_remove", "-p", "b"), "There is no dependency of b on"),
        (("dep_remove", "-p", "b", "-c", "a"), "There is no dependency of b a on"),
        (("typ_create", "-a", "none", "-r", "pg"), "There is no application none on"),
        (("typ_create", "-a", "db", "-r", "none"), "There is no resource type none of application db on"),
    ):
        assert said in server(*words).err


def test_what_a_question_complains_of_is_kept_out_of_the_log(server: Server, mocker: MockerFixture) -> None:
    sent: list[dict[str, str]] = []
    mocker.patch.object(report, "_log", side_effect=sent.append)
    assert server("ins_list", "-t", "none").code == 7
    assert not any("LVMKIT_NUMBER" in fields for fields in sent)
    assert server("ins_setinfo", "-t", "none").code == 7
    assert [fields["LVMKIT_NUMBER"] for fields in sent if "LVMKIT_NUMBER" in fields] == ["000019"]


def test_a_change_that_comes_too_late_twice_is_tried_once_more(server: Server, mocker: MockerFixture) -> None:
    late = Failure(NotStored("others were faster"))
    for outcomes, numbers in (([late, late, None], ()), ([late, late, late, None], ("110087",))):
        mocker.patch.object(Engine, "commit", side_effect=outcomes)
        assert server("ins_create", *APP, "-t", "a", "-i", "a").numbers == numbers


@pytest.mark.parametrize("name", program.NAMES)
@pytest.mark.parametrize("words", [("-?",), ("stray",), ("-",), ("",)])
def test_every_command_refuses_what_it_does_not_take(server: Server, name: str, words: tuple[str, ...]) -> None:
    refused = server(name, *words)
    assert (refused.code, refused.out, refused.numbers) == (2, "", ("000002",))


@pytest.mark.parametrize("name", ELSEWHERE)
def test_every_command_says_that_it_cannot_speak_to_a_server_that_there_is_not(server: Server, name: str) -> None:
    given = {"a": "db", "r": "pg", "t": "x", "i": "x", "p": "x", "c": "x", "s": "AUTOMATIC", "I": "INIT_OSU"}
    given.update({"S": "ISP", "f": "x", "R": "x", "o": "x", "e": "SHARED"})
    words: list[str] = []
    for option in program.described(name).options:
        if option.required and option.letter != "d":
            words += [f"-{option.letter}", given[option.letter]]
    more = {"ins_remove": ("-t", "x"), "dep_remove": ("-p", "x"), "hry_setpri": ("-l",), "lcdremexec": ("--", "x")}
    words += more.get(name, ())
    refused = server(name, "-d", "elsewhere", *words)
    assert (refused.code, refused.out) == (9, "")


def test_a_new_instance_is_listed_with_all_its_fields(server: Server) -> None:
    server.make("t1", "-v", "a\x02b", "-s", "automatic", "-I", "INIT_OSU", id="/srv/x")
    (line,) = server("ins_list").lines
    assert line.split(SOH) == [HERE, "db", "pg", "t1", "/srv/x", "a\x02b", "OSU", "", "INIT_OSU", "AUTOMATIC"]
    server.make("t2")
    assert server("ins_list", "-f,", "-t", "t2").out == f"{HERE},db,pg,t2,id-t2,,OSU,,AUTORES_ISP,INTELLIGENT\n"
    assert server("ins_gettag", "-i", "/srv/x").lines == ["t1"]


@pytest.mark.parametrize(
    ("words", "tags"),
    [
        (("-t", "b"), ["b"]),
        (("-i", "id-c"), ["c"]),
        (("-a", "db"), ["a", "b", "c"]),
        (("-a", "none"), []),
        (("-r", "pg", "-t", "a"), ["a"]),
        (("-R", "b"), ["b", "c"]),
        (("-d", HERE, "-R", "a"), ["a", "b", "c"]),
    ],
)
def test_a_list_has_what_was_asked_for(server: Server, words: tuple[str, ...], tags: list[str]) -> None:
    server.chain("a", "b", "c")
    listed = server("ins_list", *words)
    assert ([line.split(SOH)[3] for line in listed.lines], listed.code) == (tags, 0)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("ins_list", "-t", "none"), 7),
        (("ins_list", "-i", "none"), 7),
        (("ins_list", "-R", "none"), 7),
        (("ins_list", "-t", "a", "-r", "other"), 7),
        (("ins_gettag", "-i", "none"), 7),
        (("ins_create", *APP, "-t", "a", "-i", "new"), 4),
        (("ins_create", *APP, "-t", "new", "-i", "id-a"), 4),
        (("ins_create", "-a", "db", "-r", "none", "-t", "new", "-i", "new"), 7),
        (("ins_create", "-a", "none", "-r", "pg", "-t", "new", "-i", "new"), 7),
        (("ins_create", "-a", "scsi", "-r", "lvmvg", "-t", "new", "-i", "lvmvg-x"), 7),
        (("ins_create", *APP, "-t", "n w", "-i", "new"), 5),
        (("ins_create", *APP, "-t", "new", "-i", "a\x01b"), 5),
        (("ins_create", *APP, "-t", "new", "-i", "new", "-v", "a\x01b"), 5),
        (("ins_create", *APP, "-t", "new", "-i", "new", "-s", "SOMETIMES"), 5),
        (("ins_create", *APP, "-t", "new"), 2),
        (("ins_create", "-a", "../db", "-r", "pg", "-t", "new", "-i", "new"), 5),
        (("ins_remove",), 2),
        (("ins_remove", "-t", "none"), 7),
        (("ins_remove", "-R", "none"), 7),
        (("ins_remove", *APP, "-t", "b"), 8),
        (("hry_setpri", "-t", "a", "-p", "9" * 5000), 5),
        (("hry_setpri", "-t", "a", "-p", "9" * 21), 5),
        (("hry_setpri", "-t", "a", "-p", "9" * 20), 6),
        (("hry_setpri", "-t", "a", "-p", "\u0663"), 5),
        (("getlocks", "-a", "x", "-i", "x", "-l", "/none/x", "-p", "9" * 5000), 5),
        (("lcdremexec", "-d", HERE, "-t", "9" * 5000, "--", "ins_list"), 5),
        (("lcdremexec", "-d", HERE, "-t", "0", "--", "ins_list"), 5),
        (("ins_list", "--", "a"), 2),
        (("ins_setinfo", "-t", "none", "-v", "x"), 7),
        (("ins_setinfo", "-t", "a", "-v", "x\ny"), 5),
        (("ins_setas", "-t", "none", "-s", "AUTOMATIC"), 7),
        (("ins_setinit", "-t", "a", "-I", "NEVER"), 5),
        (("ins_setstate", "-t", "none", "-S", "ISP"), 7),
        (("ins_setstate", "-t", "a", "-S", "OSF"), 5),
        (("dep_create", "-p", "a", "-c", "b"), 4),
        (("dep_create", "-p", "b", "-c", "a"), 5),
        (("dep_create", "-p", "a", "-c", "none"), 7),
        (("dep_remove", "-p", "a", "-c", "c"), 7),
        (("dep_remove",), 2),
        (("dep_list", "-c", "none"), 7),
        (("dep_list", "-c", "a", "-p", "a"), 2),
        (("eqv_list", "-t", "a"), 7),
        (("eqv_list", "-e", "COMPOSITE"), 5),
        (("flg_remove", "-f", "none"), 7),
        (("flg_test", "-f", "none"), 7),
        (("typ_create", "-a", "none", "-r", "pg"), 7),
        (("typ_create", "-a", "db", "-r", "none"), 7),
        (("typ_remove", "-a", "db", "-r", "none"), 7),
        (("app_remove", "-a", "none"), 7),
        (("sys_getstate", "-s", "none"), 7),
        (("perform_action", "-t", "none", "-a", "restore"), 7),
        (("perform_action", "-t", "a", "-a", "none"), 7),
        (("perform_action", "-t", "a", "-a", "../restore"), 5),
        (("perform_action", "-t", "c", "-a", "restore", "--", "x"), 5),
    ],
)
def test_what_cannot_be_ends_with_its_exit_code_and_changes_nothing(
    server: Server, words: tuple[str, ...], code: int
) -> None:
    server.chain("a", "b", "c")
    before = (server("ins_list").out, server("dep_list").out, server("flg_list").out)
    refused = server(*words)
    assert (refused.code, refused.out) == (code, "")
    assert refused.numbers or words[0] == "flg_test"
    assert (server("ins_list").out, server("dep_list").out, server("flg_list").out) == before
    assert server.ran == []


def test_one_field_is_set_and_the_others_stay(server: Server) -> None:
    server.make("a", "-v", "x")
    for words in (("setinfo", "-v", "y z"), ("setas", "-s", "AUTOMATIC"), ("setinit", "-I", "INIT_ISP")):
        assert server(f"ins_{words[0]}", "-t", "a", *words[1:]).code == 0
    assert server("ins_setstate", "-t", "a", "-S", "ISU", "-R", "by hand").code == 0
    fields = server("ins_list").lines[0].split(SOH)
    assert fields[5:] == ["y z", "ISU", "by hand", "INIT_ISP", "AUTOMATIC"]
    assert server("ins_setinfo", "-t", "a").code == 0
    assert server.field("a", 5) == ""


def test_an_option_that_nobody_knows_the_meaning_of_is_taken_with_a_warning(server: Server) -> None:
    server.make("a")
    done = server("ins_remove", "-NvU", "-t", "a")
    assert (done.code, done.lines, done.numbers) == (0, ["a"], ("110384", "110384"))


def test_what_requires_it_goes_first_and_each_delete_script_runs_before_its_instance_goes(server: Server) -> None:
    server.chain("a", "b", "c")
    gone = server("ins_remove", "-v", "-t", "b")
    assert (gone.code, gone.lines) == (0, ["a", "b"])
    assert server.ran == ["delete -t a -i id-a", "delete -t b -i id-b"]
    assert server.tags() == ["c"]


def test_a_hierarchy_goes_from_its_root_and_what_others_require_stays(server: Server) -> None:
    server.chain("a", "b", "c", "d")
    server.make("other")
    server("dep_create", "-p", "other", "-c", "c")
    assert server("ins_remove", "-R", "a").code == 0
    assert server.tags() == ["c", "d", "other"]
    assert server("ins_remove", "-v", "-R", f"other{SOH}d").lines == ["other", "c", "d"]


def test_of_a_hierarchy_only_the_application_type_or_resource_goes_that_was_asked_for(server: Server) -> None:
    server.install("other", "kind", "restore")
    server.install("other", "kind", "remove")
    assert server("ins_create", "-a", "other", "-r", "kind", "-t", "top", "-i", "top").code == 0
    server.chain("a", "b")
    server("dep_create", "-p", "top", "-c", "a")
    for words in (("-a", "db"), ("-r", "pg"), ("-t", "b"), ("-i", "id-a")):
        refused = server("ins_remove", "-R", "a", *words)
        assert (refused.code, refused.numbers, server.ran) == (8, ("110086",), [])
    assert server("ins_remove", "-R", "a", "-t", "none").code == 7
    assert server("ins_remove", "-v", "-R", "a", "-a", "other").lines == ["top"]
    assert server("ins_remove", "-v", "-R", "a", "-a", "db").lines == ["a", "b"]


def test_a_delete_script_that_fails_keeps_its_instance_and_all_below_it(server: Server) -> None:
    server.chain("a", "b", "c")
    server.install("db", "pg", "delete", 'test "$2" != b')
    failed = server("ins_remove", "-v", "-R", "a")
    assert (failed.code, failed.lines, failed.numbers) == (1, ["a"], ("110088",))
    assert server.tags() == ["b", "c"]


def test_a_removal_that_fails_prints_only_on_demand_what_has_gone(server: Server) -> None:
    server.chain("a", "b")
    server.install("db", "pg", "delete", 'test "$2" != b')
    failed = server("ins_remove", "-R", "a")
    assert (failed.code, failed.out, server.tags()) == (1, "", ["b"])


@pytest.mark.parametrize(
    ("words", "links"),
    [
        ((), ["a b", "b c", "a d"]),
        (("-c", "a"), ["a b", "a d"]),
        (("-p", "c"), ["b c"]),
        (("-C", "a"), ["a b", "b c", "a d"]),
        (("-C", "b"), ["b c"]),
        (("-P", "c"), ["a b", "b c"]),
        (("-c", "c"), []),
        (("-r", "pg", "-c", "a"), ["a b"]),
        (
            (
                "-r",
                "web",
            ),
            ["a d"],
        ),
        (("-p", "d", "-r", "web"), []),
    ],
)
def test_dependencies_are_listed_by_direction(server: Server, words: tuple[str, ...], links: list[str]) -> None:
    server.install("db", "web", "restore")
    server.chain("a", "b", "c")
    server("ins_create", "-a", "db", "-r", "web", "-t", "d", "-i", "d")
    server("dep_create", "-p", "a", "-c", "d")
    assert server("dep_list", "-f ", *words).lines == links


def test_a_dependency_is_removed_alone_or_with_all_of_its_parent(server: Server) -> None:
    server.chain("a", "b", "c")
    server.make("d")
    server("dep_create", "-p", "a", "-c", "d")
    assert server("dep_remove", "-p", "b", "-c", "c").code == 0
    assert server("dep_list", "-f ").lines == ["a b", "a d"]
    assert server("dep_remove", "-p", "a").code == 0
    assert server("dep_list").lines == []


def test_a_type_is_there_when_its_scripts_are(server: Server) -> None:
    assert f"db{SOH}pg" in server("typ_list").lines
    assert server("typ_list", "-f,", "-a", "scsi").lines == ["scsi,device", "scsi,disk"]
    server.install("db", "late", "restore")
    assert server("typ_list", "-f,", "-a", "db").lines == ["db,late", "db,pg"]


def test_a_type_of_the_kit_that_needs_no_scripts_is_always_there(server: Server) -> None:
    assert server("ins_create", "-a", "scsi", "-r", "disk", "-t", "disk-a", "-i", "disk-a").code == 0
    for words, number in (
        (("-a", "db", "-r", "disk"), "110381"),
        (("-a", "scsi", "-r", "lvmvg"), "110000"),
        (("-a", "db", "-r", "lvmvg"), "110381"),
    ):
        assert server("ins_create", *words, "-t", "x", "-i", "x").numbers == (number,)


def test_what_was_noted_of_its_types_goes_with_an_application(server: Server) -> None:
    assert server("typ_create", *APP).code == 0
    assert server("app_remove", "-a", "db").code == 0
    assert server("flg_list").lines == []
    assert server("typ_create", *APP).code == 0


def test_what_is_created_twice_is_there_the_second_time(server: Server) -> None:
    for words in (
        ("app_create", "-a", "db"),
        ("typ_create", *APP),
        ("flg_create", "-f", "x"),
        ("app_create", "-a", "new"),
    ):
        assert server(*words).code == 0
        again = server(*words)
        assert (again.code, again.numbers) == (4, ("110382",))
    assert server("app_list").lines == ["db", "new", "scsi"]
    for words in (("app_remove", "-a", "new"), ("flg_remove", "-f", "x"), ("typ_remove", *APP)):
        assert server(*words).code == 0
    assert "new" not in server("app_list").lines
    assert server("typ_create", *APP).code == 0


def test_with_a_type_its_instances_go_and_with_an_application_those_of_all_its_types(server: Server) -> None:
    server.install("db", "web", "restore")
    server.chain("a", "b")
    server("ins_create", "-a", "db", "-r", "web", "-t", "d", "-i", "d")
    assert server("typ_remove", *APP).code == 0
    assert server.tags() == ["d"]
    assert server.ran == ["delete -t a -i id-a", "delete -t b -i id-b"]
    assert server("app_remove", "-a", "db").code == 0
    assert server.tags() == []


def test_a_type_that_something_else_stands_on_stays_whole(server: Server) -> None:
    server.install("db", "web", "restore")
    server.make("a")
    server("ins_create", "-a", "db", "-r", "web", "-t", "d", "-i", "d")
    server("dep_create", "-p", "d", "-c", "a")
    assert server("typ_remove", *APP).code == 8
    assert server.tags() == ["a", "d"]


def test_flags_are_on_until_they_are_turned_off(server: Server) -> None:
    assert server("flg_create", "-f", "shutdown_switchover").code == 0
    assert server("flg_list").lines == ["shutdown_switchover"]
    assert server("flg_test", "-f", "shutdown_switchover").code == 0
    assert server("flg_remove", "-f", "shutdown_switchover").code == 0
    assert server("flg_list").lines == []


def test_a_flag_of_the_engine_is_not_taken_from_it(server: Server) -> None:
    engine = Engine(server.paths, Settings())
    with engine.admin_lock("something"):
        (flag,) = server("flg_list").lines
        assert server("flg_remove", "-f", flag).code == 7
        assert server("flg_list").lines == [flag]


def test_the_server_knows_itself(server: Server) -> None:
    assert server("lcduname").lines == server("sys_list").lines == [HERE]
    assert server("sys_getstate").lines == server("sys_getstate", "-s", HERE).lines == ["ALIVE"]


def test_a_foreign_type_comes_in_service_by_its_own_scripts_children_first(server: Server) -> None:
    server.chain("a", "b", "c")
    assert server("perform_action", "-G", "-t", "b", "-a", "restore").code == 0
    assert server.ran == [f"restore -t {tag} -i id-{tag}" for tag in "cba"]
    assert [server.field(tag, 6) for tag in "abc"] == ["ISP"] * 3


@pytest.mark.parametrize("option", ["-s", "-b"])
def test_only_what_it_requires_comes_along_where_that_is_asked_for(server: Server, option: str) -> None:
    server.chain("a", "b", "c")
    assert server("perform_action", option, "-t", "b", "-a", "restore").code == 0
    assert [server.field(tag, 6) for tag in "abc"] == ["OSU", "ISP", "ISP"]


def test_it_goes_out_of_service_after_what_requires_it(server: Server) -> None:
    server.chain("a", "b", "c")
    server("perform_action", "-t", "a", "-a", "restore")
    refused = server("perform_action", "-s", "-t", "b", "-a", "remove")
    assert (refused.code, refused.numbers) == (5, ("110387",))
    server.log.unlink()
    assert server("perform_action", "-t", "b", "-a", "remove").code == 0
    assert server.ran == ["remove -t a -i id-a", "remove -t b -i id-b"]
    assert [server.field(tag, 6) for tag in "abc"] == ["OSU", "OSU", "ISP"]
    assert server("perform_action", "-s", "-t", "c", "-a", "remove").code == 0


def test_a_script_that_fails_leaves_its_reason_with_the_instance(server: Server) -> None:
    server.make("a")
    server.install("db", "pg", "restore", "exit 3")
    failed = server("perform_action", "-t", "a", "-a", "restore")
    assert failed.code == 1
    assert failed.numbers[0] == "110088"
    assert server.field("a", 6) == "OSF"
    assert "exit status 3" in server.field("a", 7)


def test_another_action_is_run_with_the_arguments_that_were_given(server: Server) -> None:
    server.make("a")
    server.install("db", "pg", "quickCheck")
    assert server("perform_action", "-t", "a", "-a", "quickCheck", "--", "-x", "y z").code == 0
    assert server.ran == ["quickCheck -t a -i id-a -x y z"]
    assert server.field("a", 6) == "OSU"


def test_what_another_action_prints_is_the_answer_and_what_a_move_runs_prints_is_not(server: Server) -> None:
    server.make("a")
    for action in ("report", "restore"):
        server.install("db", "pg", action, "echo said")
    assert server("perform_action", "-t", "a", "-a", "report").out == "said\n"
    assert server("perform_action", "-t", "a", "-a", "restore").out == ""


def test_a_script_may_use_the_commands_while_the_engine_runs_it(server: Server) -> None:
    server.make("a")
    server.install("db", "pg", "restore", f'{server.front()} ins_setinfo -t "$2" -v noted')
    assert server("perform_action", "-t", "a", "-a", "restore").code == 0
    assert (server.field("a", 5), server.field("a", 6)) == ("noted", "ISP")
