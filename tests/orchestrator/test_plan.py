"""A plan is a pure function of the workload and a snapshot, and says what would be wrong before anything is done."""

import random
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import towpath.demo
from towpath.kit.errors import Invalid
from towpath.orchestrator.spec import ResourceDefinitionSpec
from towpath.orchestrator.stages.load import load
from towpath.orchestrator.stages.offline import component_of, snapshot_of
from towpath.orchestrator.stages.plan import as_json, from_json, plan
from towpath.orchestrator.stages.snapshot import Definition, Previous

SCORE = (Path(__file__).parent / "samples" / "orders.yaml").read_text()
FILES = {path.name: path.read_bytes() for path in (Path(towpath.demo.__path__[0]) / "platform").glob("*.yaml")}
SNAPSHOT = snapshot_of(FILES, component_of(SCORE), "development")


def planned(score=SCORE, snapshot=SNAPSHOT):
    return plan(load(score), snapshot)


def node(made, type_):
    return next(one for one in made.nodes if one.type == type_)


def problems(score, snapshot=SNAPSHOT):
    with pytest.raises(Invalid) as raised:
        planned(score, snapshot)
    return raised.value.problems


def definition(name, **spec):
    return Definition(name, ResourceDefinitionSpec.model_validate({"type": "postgres", "driver": "postgres", **spec}))


def with_definitions(*definitions):
    return replace(SNAPSHOT, definitions=(*SNAPSHOT.definitions, *definitions))


def test_nodes_stand_after_what_they_need():
    made = planned()
    assert [one.type for one in made.nodes] == ["dns", "postgres", "service", "route"]
    assert node(made, "route").depends_on == ("dns.default#new.development.dns", "service.default#new.development.main")
    assert node(made, "service").depends_on == ("postgres.default#new.development.db",)


def test_the_service_is_asked_for_what_the_container_says():
    params = node(planned(), "service").params
    assert params["command"] == ["python", "-m", "orders"]
    assert (params["ready"], params["live"], params["port_name"]) == ("/ready", "/healthz", "web")
    assert params["variables"]["TEAM"] == "payments"
    assert params["variables"]["DATABASE_HOST"] == "${resources.db.host}"


def test_the_route_gets_the_hostname_of_the_platform_when_nothing_is_asked():
    score = SCORE.replace("    params:\n      host: ${resources.dns.host}\n", "")
    assert node(planned(score), "route").params["host"] == "orders.development.localhost"


@given(st.randoms(use_true_random=False))
def test_the_order_of_documents_and_fields_does_not_change_the_digest(chance: random.Random):
    def shuffled(value):
        if not isinstance(value, dict):
            return value
        items = list(value.items())
        chance.shuffle(items)
        return {key: shuffled(item) for key, item in items}

    raw = {**load(SCORE).score.model_dump(by_alias=True, exclude_unset=True)}
    definitions = list(SNAPSHOT.definitions)
    chance.shuffle(definitions)
    other = plan(load(shuffled(raw)), replace(SNAPSHOT, definitions=tuple(definitions)))
    assert other.digest == planned().digest
    assert other.nodes == planned().nodes


def test_the_artifact_is_part_of_the_digest():
    assert planned(snapshot=replace(SNAPSHOT, artifact="sha256:1")).digest != planned().digest


def test_a_plan_survives_json():
    made = planned()
    assert from_json(orjson.loads(orjson.dumps(as_json(made)))) == made


def test_the_most_specific_definition_wins_and_says_by_what():
    made = planned(
        snapshot=with_definitions(
            definition("postgres-dev", match={"environmentType": "development"}),
            definition("postgres-orders", match={"component": "orders"}),
        )
    )
    assert node(made, "postgres").definition == "postgres-orders"
    assert "component is orders; stronger than 'postgres-dev' by its component" in node(made, "postgres").why


def test_equally_specific_definitions_are_refused_by_name():
    [problem] = problems(SCORE, with_definitions(definition("postgres-twin")))
    assert "'postgres-embedded' and 'postgres-twin'" in problem.message
    assert problem.path == "resources.db.type"


def test_a_condition_decides():
    gold = definition("postgres-gold", match="component.labels.tier == 'gold'", params={"size": "big"})
    component = replace(SNAPSHOT.component, doc={"metadata": {"labels": {"tier": "gold"}}})
    assert node(planned(snapshot=replace(with_definitions(gold), component=component)), "postgres").params == {
        "size": "big"
    }


def test_a_class_is_served_by_its_own_definition_only():
    score = SCORE.replace("type: postgres", "type: postgres\n    class: large")
    [problem] = problems(score)
    assert "class is large, not default" in problem.hint
    made = planned(score, with_definitions(definition("postgres-any", **{"class": "*"})))
    assert node(made, "postgres").definition == "postgres-any"


def test_problems_of_the_platform_come_at_once_and_name_their_places():
    score = (
        SCORE.replace("type: dns", "type: blimp")
        .replace("resources.db.username", "resources.db.user")
        .replace("image: .", "image: nginx")
    )
    found = {one.path: one for one in problems(score)}
    assert set(found) == {"resources.dns.type", "containers.main.image", "containers.main.variables.DATABASE_URL"}
    assert "postgres" in found["resources.dns.type"].hint
    assert found["resources.dns.type"].line == 27


def test_more_containers_than_one_are_refused():
    score = SCORE.replace("containers:\n", "containers:\n  side:\n    image: .\n")
    assert "one container per workload in this runtime" in [one.expected for one in problems(score)]


def test_resources_that_need_each_other_are_refused_with_the_circle():
    score = SCORE.replace("type: dns", "type: dns\n    params: {host: '${resources.route.url}'}")
    assert problems(score)[-1].found == "dns -> route -> dns"


def test_text_of_metadata_is_never_a_placeholder():
    score = SCORE.replace("team: payments", "team: '${resources.db.password}'")
    assert node(planned(score), "service").params["variables"]["TEAM"] == "$${resources.db.password}"


def test_two_names_for_one_shared_resource_are_one_node():
    score = SCORE.replace("  db:\n    type: postgres\n", "  db:\n    type: postgres\n    id: main-db\n") + (
        "  other:\n    type: postgres\n    id: main-db\n"
    )
    score = score.replace("${resources.db.host}\n", "${resources.other.host}\n")
    made = planned(score)
    assert [one.uid for one in made.nodes if one.type == "postgres"] == ["postgres.default#shared.development.main-db"]
    assert node(made, "service").params["variables"]["DATABASE_HOST"] == "${resources.db.host}"


def before(made, **changes):
    return tuple(
        replace(
            Previous(one.uid, one.type, one.driver, one.definition, one.params, "ready", one.stateful),
            **changes.get(one.type, {}),
        )
        for one in made.nodes
    )


def actions(made):
    return {one.uid.partition(".")[0]: (one.action, *one.details) for one in made.changes}


def test_what_is_there_already_is_kept():
    made = planned(snapshot=replace(SNAPSHOT, previous=before(planned())))
    assert {one.action for one in made.changes} == {"keep"}


def test_changes_say_what_differs():
    held = before(planned(), service={"artifact": "sha256:old"}, postgres={"driver": "tofu"}, dns={"status": "failed"})
    score = SCORE.replace("TEAM: ${metadata.annotations.team}", "TEAM: red").replace(
        "  route:\n    type: route", "  ro:\n    type: route"
    )
    found = actions(planned(score, replace(SNAPSHOT, previous=held, artifact="sha256:new")))
    assert found["service"][:2] == ("update", "artifact: 'sha256:old' becomes 'sha256:new'")
    assert "variables.TEAM: 'payments' becomes 'red'" in found["service"]
    assert found["postgres"] == ("replace", "driver: 'tofu' becomes 'postgres'", "its data is deleted")
    assert found["dns"] == ("update", "was failed after the last deployment")
    assert found["route"] == ("destroy",)
