"""Other languages: the catalogues agree with the code, and what is stored or compared stays English."""

from __future__ import annotations

import io
import json
from gettext import GNUTranslations
from string import Formatter
from typing import TYPE_CHECKING

import click
import pytest

from lvmkit.cli import adddelpv, console, help
from lvmkit.cli.layout import columns, width
from lvmkit.cli.program import COMMANDS, program
from lvmkit.entry.report import Voice
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import FILESYS, OSU
from lvmkit.model.messages import catalogue
from lvmkit.model.messages.pacemaker import Started
from lvmkit.model.messages.service import EndFailed, PvsMissing, VgExported
from lvmkit.model.phrase import Phrase
from lvmkit.peer.answers import Finding, Findings, findings_facts, read_findings
from lvmkit.view import language
from tests import translations
from tests.unit.fakes import FakeCluster, FakePort, Shell, data_hierarchy, instance, on

if TYPE_CHECKING:
    from pathlib import Path

ENGLISH = "Volume group vg1 is exported."
GERMAN = "Volume-Gruppe vg1 ist exportiert."


@pytest.fixture
def german(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader of German, and catalogues as they are installed."""
    translations.builder().main(str(translations.LOCALE), str(tmp_path / "locale"))
    monkeypatch.setattr(language, "FOLDER", str(tmp_path / "locale"))
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.delenv("LANGUAGE", raising=False)


@pytest.fixture
def cluster(german: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """The command line of that reader on a server of two."""
    del german
    hierarchy = data_hierarchy(OSU)
    return Shell(tmp_path, FakeCluster(hierarchy, n2=on("n2", hierarchy)), monkeypatch)


def facts_in(sentence: str) -> set[str]:
    """The names of the facts that a sentence has places for."""
    return {name for _text, name, _form, _conversion in Formatter().parse(sentence) if name is not None}


class TestCatalogues:
    def test_there_are_german_and_japanese(self) -> None:
        assert translations.languages() == ("de", "ja")

    @pytest.mark.parametrize("name", translations.languages())
    def test_each_has_the_sentences_of_the_code_only_in_its_order(self, name: str) -> None:
        """Where this fails: `make pages`, then translate what has no translation."""
        content = (translations.LOCALE / f"{name}.po").read_text()
        assert content == translations.written(translations.read(name))
        assert set(translations.read(name)) - {""} <= set(translations.sentences())

    @pytest.mark.parametrize("name", translations.languages())
    def test_each_translates_every_sentence(self, name: str) -> None:
        said = translations.read(name)
        assert [sentence for sentence in translations.sentences() if not said.get(sentence)] == []

    @pytest.mark.parametrize("name", translations.languages())
    def test_each_translation_has_the_facts_of_its_sentence(self, name: str) -> None:
        for sentence, translation in translations.read(name).items():
            if sentence:
                assert facts_in(translation) == facts_in(sentence), sentence

    @pytest.mark.parametrize("name", translations.languages())
    def test_gettext_reads_what_is_built(self, name: str, tmp_path: Path) -> None:
        translations.builder().main(str(translations.LOCALE), str(tmp_path))
        with (tmp_path / name / "LC_MESSAGES/lvmkit.mo").open("rb") as built:
            read = GNUTranslations(built)
        pairs = translations.read(name)
        assert {sentence: read.gettext(sentence) for sentence in pairs if sentence} == {
            sentence: translation for sentence, translation in pairs.items() if sentence
        }


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, []),
        ({"LANG": "C.UTF-8", "LANGUAGE": "de"}, []),
        ({"LANG": "de_DE.UTF-8"}, ["de_DE"]),
        ({"LANG": "de_DE.UTF-8", "LANGUAGE": "../../tmp/x:de"}, ["de"]),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, []),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "", "LC_MESSAGES": "ja_JP.utf8"}, ["ja_JP"]),
        ({"LANG": "en_US.UTF-8"}, []),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "de_AT:en:ja"}, ["de_AT"]),
        ({"LANG": "de_DE.ISO-8859-1"}, []),
        ({"LANG": "de_DE"}, []),
    ],
)
def test_the_readers_language_is_that_of_the_environment(environment: dict[str, str], wanted: list[str]) -> None:
    assert language.languages(environment) == wanted


@pytest.mark.usefixtures("german")
class TestShown:
    def test_every_message_can_be_said(self) -> None:
        for kind in catalogue().values():
            message = kind(**dict.fromkeys(kind._fields, "fact"))
            assert "{" not in language.text_of(message) + language.advice_of(message)

    def test_a_phrase_is_said_in_it_with_the_phrases_within_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(language, "translated", {"{a} of {b}": "{b}s {a}", "hat": "Hut"}.__getitem__)
        words = Phrase("{a} of {b}", a=Phrase("hat"), b="Ole")
        assert (words, language.worded(words)) == ("hat of Ole", "Oles Hut")
        assert columns([("hat", words)]) == "hat  Oles Hut\n"

    def test_what_is_not_translated_is_english(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(VgExported, "template", "{vg} is new.")
        assert language.text_of(VgExported("vg1")) == "vg1 is new."
        monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
        assert language.advice_of(VgExported("vg1")) == VgExported("vg1").advice

    @pytest.mark.parametrize("content", [b"", b"x", b"\xde\x12\x04\x95", b"\xde\x12\x04\x95" + b"\xff" * 60])
    def test_a_damaged_catalogue_hides_nothing(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "locale/de/LC_MESSAGES/lvmkit.mo").write_bytes(content)
        assert language.text_of(VgExported("vg1")) == ENGLISH

    def test_a_command_speaks_it_on_stderr(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        result = Shell(tmp_path, FakePort(), monkeypatch).run("explain", "999999")
        assert result.stderr == (
            "lvmkit: ERROR 110101: Eine Meldung 999999 gibt es nicht.\n  -> 'lvmkit explain --all' zählt sie auf.\n"
        )

    def test_advice_that_was_given_is_not_repeated_in_it_either(self, capsys: pytest.CaptureFixture[str]) -> None:
        from lvmkit.cli.console import Console

        Console("lvmkit", "cli", "test").tell_all((VgExported("vg1"), VgExported("vg1"), EndFailed("a", "t", "s")))
        assert capsys.readouterr().err.count("->") == 1

    def test_number_level_and_facts_are_the_same_in_lines_of_json(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        output = Shell(tmp_path, FakePort(data_hierarchy()), monkeypatch).run("delete", "x", "--format", "jsonl")
        said = json.loads(output.stdout.splitlines()[0])
        kind = catalogue()[int(said["number"])]
        assert (said["level"], set(said["facts"])) == (kind.level, set(kind._fields))
        assert said["text"] == language.text_of(kind(**said["facts"])) != kind(**said["facts"]).text

    def test_explain_is_in_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        shell = Shell(tmp_path, FakePort(), monkeypatch)
        page = shell.run("explain", "110015").stdout
        assert "Volume-Gruppe <vg> ist exportiert." in page
        assert "Wenn sie hier verwendet werden soll" in page
        assert "Entweder NUMBER oder --all. lvmkit explain" in shell.run("explain").stderr
        assert "Ursache:    Die Volume-Gruppe ist als exportiert markiert" in page
        assert "Exit-Code:  Skript 1, LCDI 1, OCF 6" in page
        assert "Volume-Gruppe <vg> ist exportiert." in shell.run("explain", "--all").stdout


@pytest.mark.usefixtures("german")
class TestHelp:
    def test_all_of_it_is_translated_but_what_is_typed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        lines = Shell(tmp_path, FakePort(), monkeypatch).run("report", "--help").stdout.splitlines()
        assert lines[0] == "Aufruf: lvmkit report [OPTIONS]"
        assert lines[2].startswith("  Sammelt Zustände, Befunde, ")
        assert "Optionen:" in lines
        assert "[Standard: 60;" in " ".join(lines)
        assert lines[-1] == "  Beispiel: lvmkit report"

    def test_the_other_program_has_it_too(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        shell = Shell(tmp_path, FakePort(), monkeypatch)
        assert shell.run("--help", command=adddelpv.program).stdout.startswith("Aufruf: adddelpv [OPTIONS] ")

    def test_lines_are_as_wide_as_characters_are(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LC_ALL", "ja_JP.UTF-8")
        lines = Shell(tmp_path, FakePort(), monkeypatch).run("create", "--help").stdout.splitlines()
        assert lines[-1] == "  例: lvmkit create /data --tag payroll-data --dry-run"
        assert 70 < max(map(width, lines)) <= 80


def test_help_in_english_is_what_click_makes_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert isinstance(program, click.Group)
    for name in (*COMMANDS, ""):
        command = program.get_command(click.Context(program), name) or program
        pages = []
        for formatter in (help.HelpFormatter, click.HelpFormatter):
            monkeypatch.setattr(help.HelpContext, "formatter_class", formatter)
            pages.append(command.get_help(help.HelpContext(command, info_name=name)))
        assert pages[0] == pages[1]


class TestTables:
    def test_words_are_translated_and_names_are_not(self, cluster: Shell) -> None:
        lines = cluster.run("delete", "/data", "--dry-run").stdout.splitlines()
        assert lines[0] == "geht  /data"
        assert lines[-1].startswith("1.  /data, vg1/data, vg1, disk-")
        assert " entfernen; /data-vg1/data, vg1/data-vg1, " in lines[-1]
        named = instance(FILESYS, "new", "/new", OSU)
        cluster.port.now = Hierarchy((named,))
        assert "new" in cluster.run("status").stdout

    def test_columns_are_aligned_where_characters_are_wide(
        self, cluster: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LC_ALL", "ja_JP.UTF-8")
        head, online, *rows = cluster.run("status").stdout.splitlines()
        assert head.split() == ["タグ", "n1", "(ここ)", "n2", "n3"]
        assert online.split() == ["オンライン"] * 3
        place = width(head.partition("n2")[0])
        assert {width(row.rpartition("OSU")[0]) for row in rows[:3]} == {place}

    def test_json_has_the_words_of_every_language(self, cluster: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        for words in (("delete", "/data", "--dry-run"), ("out-of-service", "/data", "--dry-run")):
            monkeypatch.setenv("LC_ALL", "ja_JP.UTF-8")
            said = cluster.run(*words, "--format", "json").stdout
            monkeypatch.setenv("LC_ALL", "C.UTF-8")
            assert said == cluster.run(*words, "--format", "json").stdout
        monkeypatch.setenv("LC_ALL", "ja_JP.UTF-8")
        checked = json.loads(cluster.run("check", "vg1", "--format", "json").stdout)
        assert {resource["verdict"] for resource in checked["resources"]} <= {"ok", "warn", "fail"}

    @pytest.mark.usefixtures("german")
    def test_who_is_asked_reads_the_question(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
        assert console.confirms(Phrase("End the protection of {tags}?", tags="a"))
        assert capsys.readouterr().err == "Den Schutz von a beenden? [y/N] "


@pytest.mark.usefixtures("german")
class TestStored:
    def test_the_message_itself_and_the_line_of_the_log_are_english(self) -> None:
        assert (VgExported("vg1").text, language.text_of(VgExported("vg1"))) == (ENGLISH, GERMAN)
        assert Voice("restore", "lvmvg", "restore", "vg1").line(VgExported("vg1")).endswith(ENGLISH)

    def test_a_fact_in_words_is_shown_translated_and_stored_in_english(self) -> None:
        message = Started("vg1", Phrase("in service"), "n1")
        assert (message.text, language.text_of(message)) == ("vg1 is in service on n1", "vg1 ist in Betrieb auf n1")
        assert json.dumps(message.as_dict()) == '{"tag": "vg1", "state": "in service", "server": "n1"}'

    def test_findings_go_from_server_to_server_in_english_and_are_shown_translated(self) -> None:
        message = PvsMissing("vg1", 2, ("A", "B"))
        facts = tuple(message.as_dict().items())
        sent = findings_facts(Findings("1", (Finding("n2", "vg1", **message.in_words(), facts=facts),)))
        (finding,) = read_findings(json.loads(json.dumps(sent)), "n2").findings
        assert finding.text == message.text
        assert language.finding_in_words(finding) == language.in_words(message)
        assert language.finding_in_words(finding)["text"].startswith("Der Volume-Gruppe vg1 fehlen 2 ")

    @pytest.mark.parametrize("number", ["110015", "199999", "x"])
    def test_findings_of_another_version_keep_their_words(self, number: str) -> None:
        finding = Finding("n2", "vg1", number, "WARN", "text", "advice")
        words = {"number": number, "level": "WARN", "text": "text", "advice": "advice"}
        assert language.finding_in_words(finding) == words
