"""The CI engine in the jail: output, failure, time, floods, cancel, secrets."""

import time
from dataclasses import replace

import pytest

from towpath.kit import jail
from towpath.pipelines import act
from towpath.pipelines.masking import Mask
from towpath.repositories import git

HEAD = "name: ci\non: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n"


@pytest.fixture
def workflow(settings, tmp_path):
    def make(steps: str) -> jail.Cell:
        source = tmp_path / "source"
        (source / ".github/workflows").mkdir(parents=True)
        (source / ".github/workflows/ci.yml").write_text(HEAD + steps)
        bare, work = tmp_path / "x.git", tmp_path / "work"
        git.init_bare(bare, "main")
        commit = git.commit_tree(bare, source, "main", "x", ("a", "a@b"))
        git.checkout(bare, commit, work / "source", "main")
        (work / "output").mkdir()
        return jail.Cell("pipeline", "northbank", work=work, environment={"TOWPATH_OUTPUT": "/work/output"})

    return make


def run(cell, *, timeout_s=30, cancelled=lambda lines: False, secrets_file=False):
    lines: list[act.Line] = []
    outcome = act.run(
        cell, branch="main", event={}, actor="ada", secrets_file=secrets_file, timeout_s=timeout_s, cancelled=lambda: cancelled(lines), on_line=lines.append
    )  # fmt: skip
    return outcome, lines


def test_a_workflow_runs_and_hands_its_artifact_over(workflow):
    cell = workflow(
        "      - uses: actions/checkout@v4\n      - run: mkdir out && echo made > out/a.txt\n"
        "      - uses: actions/upload-artifact@v4\n        with: { name: bundle, path: out }\n"
    )
    outcome, lines = run(cell)
    assert outcome.code == 0, [line.text for line in lines]
    assert (cell.work / "output/bundle/a.txt").read_text() == "made\n"
    assert any(line.final for line in lines)


def test_a_failing_step_is_named(workflow):
    outcome, lines = run(workflow("      - name: Break\n        run: exit 3\n"))
    assert outcome.code == 1
    assert [line.step for line in lines if line.result == "failure"] == ["Break"]


def test_steps_begin_in_their_order_and_a_skipped_action_never_begins(workflow):
    later = "      - run: exit 3\n      - uses: actions/upload-artifact@v4\n        with: {name: bundle, path: x}\n"
    outcome, lines = run(workflow(f"      - uses: actions/checkout@v4\n{later}"))
    assert outcome.code == 1
    begun = [one for one in dict.fromkeys(line.step for line in lines if line.number) if "job" not in one]
    assert begun == ["actions/checkout@v4", "exit 3"]


def test_a_workflow_that_never_ends_is_ended(workflow):
    began = time.monotonic()
    outcome, _ = run(workflow("      - run: sleep 600\n"), timeout_s=2)
    assert outcome.timed_out
    assert time.monotonic() - began < 60


def test_cancel_reaches_a_running_step(workflow):
    began = time.monotonic()
    # Not before the step runs: act that is asked at its start ends as if nothing had been wrong.
    outcome, _ = run(workflow("      - run: sleep 600\n"), cancelled=lambda lines: any(line.step for line in lines))
    assert outcome.code != 0
    assert time.monotonic() - began < 60


def test_an_unknown_action_is_a_clear_error(workflow):
    outcome, lines = run(workflow("      - uses: nobody/nothing@v1\n"))
    assert outcome.code == 1
    assert "nobody/nothing" in outcome.error + " ".join(line.text for line in lines)


def test_a_secret_reaches_the_step_as_it_was_kept(workflow, tmp_path):
    value = 'a\\b $HOME it\'s "quoted" # ü😀\nsecond line\n'
    cell = workflow(
        "      - env: { KEPT: '${{ secrets.KEPT }}' }\n"
        "        run: python3 -c \"import os; print(os.environ['KEPT'].encode().hex())\"\n"
    )
    sealed = tmp_path / "secrets.yaml"
    jail.seal(sealed, act.secrets_of({"KEPT": value}), cell)
    outcome, lines = run(replace(cell, binds=(jail.Bind(sealed, act.SECRETS),)), secrets_file=True)
    assert outcome.code == 0, [line.text for line in lines]
    assert value.encode().hex() in [line.text for line in lines if line.output]


def test_secrets_are_masked_plain_and_in_base64():
    mask = Mask(["hunter2-secret"])
    assert "hunter2" not in mask.text("a hunter2-secret b aHVudGVyMi1zZWNyZXQ= c")
