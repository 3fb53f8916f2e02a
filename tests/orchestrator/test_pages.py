"""Tab and cards render alone: filled, empty, and without any secret."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from towpath.kit import db
from towpath.orchestrator import pages
from towpath.orchestrator import service as orchestrator
from towpath.ui import service as ui


@pytest.fixture
def plan(platform, drivers, component, development, score):
    ui.register_templates(str(Path(pages.__file__).parent / "html")) if hasattr(ui, "register_templates") else None
    ui.environment.cache_clear()
    with db.read(platform) as session:
        return orchestrator.plan(
            session, component=component, environment=development, score=score, artifact="sha256:1"
        )


def render(name, **context):
    return ui.environment().get_template(name).render(**context)


def test_the_plan_shows_its_changes_and_why(plan):
    html = render("orchestrator/plan.html", **orchestrator.drawn(plan))
    assert "4 create" in html
    assert "postgres-embedded" in html
    assert '"source":"service.default#uid-orders.development.main"' in html


def test_a_run_without_a_plan_says_so(plan):
    assert "No plan yet" in render("orchestrator/plan.html", plan=None)
    assert "Nothing is provisioned yet" in render("orchestrator/graph.html", plan=None)


def test_the_plan_of_a_run_is_the_result_of_its_step(plan):
    for result in (orchestrator.as_json(plan), {"plan": orchestrator.as_json(plan)}):
        assert pages.plan_of(SimpleNamespace(results={"plan": result}, input={})) == plan
    assert pages.plan_of(SimpleNamespace(results={}, input={})) is None


def test_resources_show_outputs_and_hide_secrets(plan, context, platform, component):
    orchestrator.apply(plan, context(), {})
    with db.read(platform) as session:
        rows = [pages._row(one) for one in orchestrator.resources(session, component.uid)]
    html = render("orchestrator/resources.html", entity=component, groups=[("development", rows)])
    assert "127.0.0.1" in html
    assert "holds data" in html
    assert "s3cret-password" not in html
    assert "No resources yet" in render("orchestrator/resources.html", entity=component, groups=[])


def test_the_graph_follows_the_status_of_the_run(plan):
    status = {node.uid: "applying" for node in plan.nodes}
    rows = [(node, status[node.uid]) for node in plan.nodes]
    html = render("orchestrator/graph.html", plan=plan, graph=orchestrator.graph_of(plan, status), rows=rows)
    assert html.count("applying") >= 4
