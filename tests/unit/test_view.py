"""The schemas of the answers: each command that answers in JSON has one, and what it prints is what that says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from jsonschema import Draft202012Validator, ValidationError

from lvmkit.cli.program import COMMANDS, Program, program
from lvmkit.model.instance import INITIALISATIONS, STATES, SWITCHBACKS
from lvmkit.view import check, create, schema, survey
from lvmkit.view.schema import ANSWERS, DOCUMENTS, schema_of
from tests.unit.fakes import FakePort, Shell
from tests.unit.schemas import closed, strict

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES = Path(__file__).parents[2] / "share/man/man8"
CREATED = {"schema_version": 1, **create.creation_facts("/data")}


def _answers_in_json(name: str) -> bool:
    command = Program().get_command(click.Context(program), name)
    assert command is not None
    choices = [each.type.choices for each in command.params if isinstance(each.type, click.Choice)]
    return any("json" in words for words in choices)


def _parts(piece: Any) -> Iterator[dict[str, Any]]:
    """The object itself and all objects in it."""
    if isinstance(piece, dict):
        yield piece
    for each in piece.values() if isinstance(piece, dict) else piece if isinstance(piece, list) else ():
        yield from _parts(each)


def test_each_command_that_answers_in_json_has_a_schema_and_no_other_has() -> None:
    assert set(ANSWERS) == {name for name in COMMANDS if _answers_in_json(name)}


@pytest.mark.parametrize("name", DOCUMENTS)
class TestSchema:
    def test_it_is_a_schema_also_where_every_object_is_closed(self, name: str) -> None:
        Draft202012Validator.check_schema(schema_of(name))
        Draft202012Validator.check_schema(closed(schema_of(name)))
        assert json.loads(json.dumps(schema_of(name))) == schema_of(name)

    def test_every_field_is_described_and_every_object_says_whether_it_is_open(self, name: str) -> None:
        objects = [part for part in _parts(schema_of(name)) if part.get("type") == "object"]
        assert objects
        for each in objects:
            assert each.get("additionalProperties") is not None
            assert [field for field, of in each.get("properties", {}).items() if not of.get("description")] == []

    def test_every_answer_has_the_version(self, name: str) -> None:
        documents = schema_of(name).get("oneOf", [schema_of(name)])
        assert {each["properties"]["schema_version"]["const"] for each in documents} == {schema.SCHEMA_VERSION}
        assert all("schema_version" in each["required"] for each in documents)


@pytest.mark.parametrize("name", ANSWERS)
def test_the_manual_names_every_field(name: str) -> None:
    page = (PAGES / "lvmkit.8").read_text()
    fields = {field for part in _parts(schema_of(name)) for field in part.get("properties", {})}
    assert [field for field in fields if not re.search(rf"\b{field}\b", page)] == []


def test_a_reader_takes_fields_that_were_added_later_and_the_tests_do_not() -> None:
    later = {**CREATED, "colour": "red"}
    Draft202012Validator(schema_of("create")).validate(later)
    with pytest.raises(ValidationError):
        strict("create").validate(later)


@pytest.mark.parametrize("broken", [{"dry_run": True}, {"root": 1}, {"schema_version": 2}])
def test_what_is_no_answer_is_refused(broken: dict[str, object]) -> None:
    strict("create").validate(CREATED)
    with pytest.raises(ValidationError):
        strict("create").validate({**CREATED, **broken})


def test_the_words_that_a_field_can_hold_are_those_of_the_engine() -> None:
    assert set(schema.STATE["enum"]) == set(STATES)
    assert set(survey.RESOURCE_FIELDS["switchback"]["enum"]) == set(SWITCHBACKS)
    assert set(survey.RESOURCE_FIELDS["initialisation"]["enum"]) == set(INITIALISATIONS)
    assert check.judge("vg1", "", ()).word == check.OK


class TestCommand:
    @pytest.fixture
    def shell(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
        monkeypatch.setattr("os.geteuid", lambda: 1000)
        return Shell(tmp_path, FakePort(), monkeypatch)

    def test_it_lists_what_has_a_schema(self, shell: Shell) -> None:
        assert shell.run("schema").stdout.split() == list(DOCUMENTS)

    def test_it_prints_the_schema_and_needs_no_engine(self, shell: Shell) -> None:
        result = shell.run("schema", "status")
        assert (result.exit_code, json.loads(result.stdout), shell.port.calls) == (0, schema_of("status"), [])

    @pytest.mark.parametrize("name", ["tags", "servers", "", "../status"])
    def test_another_name_is_wrong_usage(self, shell: Shell, name: str) -> None:
        assert (shell.run("schema", name).exit_code, shell.run("schema", name).stdout) == (2, "")
