"""The comparisons of `make compat` over samples of our own: what they let pass and what they name."""

import json

import pytest
from jsonschema import Draft202012Validator
from tests.compat import __main__, catalog, score

from towpath.catalog import service

GOOD = "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {name: ada}\nspec: {type: team, children: []}\n"
BAD = GOOD.replace("name: ada", "name: 'a b'")
OK = {"kind": "Group", "namespace": "default", "name": "ada", "outcome": "ok"}
REFUSED = {"kind": "Group", "namespace": "default", "name": "a b", "outcome": "rejected-envelope", "message": "no"}
SCORE = """\
apiVersion: score.dev/v1b1
metadata: {name: orders}
containers: {main: {image: ., variables: {HOST: "${%s}"}}}
resources: {db: {type: mongodb}}
"""


@pytest.mark.parametrize(
    ("text", "expected", "told"),
    [
        pytest.param(GOOD, [OK], "", id="valid"),
        pytest.param(f"{GOOD}---\n{BAD}", [OK, REFUSED], "", id="a bad sibling spoils nothing"),
        pytest.param(BAD, [OK], "1 valid entities refused", id="refused though valid"),
        pytest.param(
            GOOD, [{**OK, "outcome": "rejected-kind", "message": "no"}], "Backstage refuses", id="too lenient"
        ),
        pytest.param("# nothing\n", [REFUSED], "no problem told", id="silent"),
    ],
)
def test_descriptors_are_compared_document_by_document(tmp_path, text, expected, told):
    path = tmp_path / "catalog-info.yaml"
    path.write_text(text)
    said = catalog.compare(str(path), expected, service.lint([path]))
    assert told in said if told else said == ""


@pytest.mark.parametrize(("name", "told"), [("resources.db.host", ""), ("resources.cache.host", ""), ("VAR:-x", "")])
def test_a_workload_is_taken_or_refused_as_its_words_deserve(name, told):
    assert score.check((SCORE % name).encode(), "score.yaml", Draft202012Validator({})) == told


def test_a_workload_that_the_schema_refuses_may_not_be_taken():
    strict = Draft202012Validator({"properties": {"metadata": {"required": ["owner"]}}})
    assert "taken, although" in score.check((SCORE % "resources.db.host").encode(), "score.yaml", strict)


def test_without_a_corpus_it_says_so_and_counts_nothing(tmp_path, monkeypatch, capsys, settings):
    monkeypatch.setenv("TOWPATH_CORPORA", str(tmp_path / "absent"))
    assert __main__.main() == 0
    said = capsys.readouterr().out
    assert "There is no corpus at" in said
    assert json.loads(said.splitlines()[-1]) == {"compat": {"catalog": [0, 0], "templates": [0, 0], "score": [0, 0]}}
