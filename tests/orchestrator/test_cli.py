"""`towpath score plan` needs no portal and tells problems by place."""

from pathlib import Path

from click.testing import CliRunner

from towpath.orchestrator.cli import score

ORDERS = Path(__file__).parent / "samples" / "orders.yaml"


def test_a_plan_shows_nodes_in_order_and_why():
    result = CliRunner().invoke(score, ["plan", str(ORDERS), "--env", "staging"])
    assert result.exit_code == 0
    assert "component:default/orders in staging: 4 resources" in result.output
    assert "create postgres db" in result.output
    assert "postgres-embedded by the driver postgres: type is postgres" in result.output


def test_problems_come_as_file_line_column_with_exit_code_2(tmp_path):
    wrong = tmp_path / "score.yaml"
    wrong.write_text(ORDERS.read_text().replace("image: .", "image: nginx"))
    result = CliRunner().invoke(score, ["plan", str(wrong)])
    assert result.exit_code == 2
    assert f"{wrong}:12:12: containers.main.image: expected" in result.output


def test_an_unknown_environment_names_those_there_are():
    result = CliRunner().invoke(score, ["plan", str(ORDERS), "--env", "moon"])
    assert result.exit_code == 4
    assert "development, production, staging" in result.output
