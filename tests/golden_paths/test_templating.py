"""The template language is the peer's: its own golden set, its limits, its errors with places."""

import contextlib
import os
import resource
from pathlib import Path

import pytest

from towpath.golden_paths.templating.pool import Pool
from towpath.kit.errors import Invalid

PARAMETERS = {"parameters": {"n": 1, "s": "1", "o": {"a": 1}, "l": ["x", "y"], "e": ""}}
ABSENT = object()


@pytest.fixture
def pool(settings):
    made = Pool(1)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("${{ parameters.n }}", 1),
        ("${{ parameters.s }}", "1"),
        (" ${{ parameters.n }}", " 1"),
        ("${{ parameters.o }}", {"a": 1}),
        ("v-${{ parameters.o }}", "v-[object Object]"),
        ("v-${{ parameters.l }}", "v-x,y"),
        ("${{ parameters.zz }}", ABSENT),
        ("v-${{ parameters.zz }}", "v-"),
        ("${{ parameters.e }}", ""),
        ("${{ parameters.e }}${{ parameters.e }}", ""),
        ("${{ parameters.l | dump }}", '["x","y"]'),
        ("${{ parameters.n == 1 }}", True),
        ("${{ 'a' if parameters.zz }}", ""),
        ("{% if parameters.n %}false{% endif %}", "false"),
        ("${{ 'component:default/x' | parseEntityRef | pick('name') }}", "x"),
        ("${{ 'github.com?owner=o&repo=r' | projectSlug }}", "o/r"),
    ],
)
def test_an_expression_means_what_it_means_to_the_peer(pool, template, expected):
    assert pool.render_values({"k": template}, PARAMETERS).get("k", ABSENT) == expected


def test_a_broken_expression_fails_with_its_place(pool):
    with pytest.raises(Invalid) as caught:
        pool.render_values({"step": {"text": "fine\n${{ bad..syntax }}"}}, PARAMETERS)
    problem = caught.value.problems[0]
    assert (problem.file, problem.line) == ("step.text", 2)


def test_a_loop_is_ended_and_the_pool_goes_on(pool):
    endless = "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}"
    with pytest.raises(Invalid):
        pool.render_values(endless, {})
    assert pool.render_values("${{ 1 + 1 }}", {}) == 2


def test_a_memory_eater_is_ended_and_the_pool_goes_on(pool):
    eater = "{% set x = 'aaaaaaaaaaaaaaaa' %}{% for i in range(60) %}{% set x = x ~ x %}{% endfor %}${{ x }}"
    with pytest.raises(Invalid):
        pool.render_values(eater, {})
    assert pool.render_values("${{ 1 + 1 }}", {}) == 2


def test_the_limit_of_a_first_rendering_does_not_count_the_start(settings):
    settings.template_timeout_s = 0.1  # V8 needs longer to start
    pool = Pool(1)
    assert pool.render_values("${{ 1 + 1 }}", {}) == 2
    pool.close()


def test_a_child_that_dies_is_replaced(pool):
    pool.warm()
    child = pool._free.get()
    child._process.kill()
    child._process.wait()
    pool._free.put(child)
    assert pool.render_values("${{ 2 }}", {}) == 2


@pytest.mark.parametrize("path", ["''.constructor", "parameters.__proto__", "range.constructor('return 1')()"])
def test_nothing_leads_out_of_the_language(pool, path):
    try:
        assert pool.render_values({"k": f"${{{{ {path} }}}}"}, PARAMETERS).get("k") in (None, "")
    except Invalid:
        return


def test_a_tree_is_rendered_in_one_call(pool):
    texts = {str(n): "hello ${{ values.name }}" for n in range(200)}
    names, made = pool.render_files({"a": "${{ values.name }}.py"}, texts, {"values": {"name": "orders"}})
    assert names == {"a": "orders.py"}
    assert set(made.values()) == {"hello orders"}


def test_a_portal_with_many_open_files_renders_all_the_same(settings):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(2048, limits[1]), limits[1]))
    with contextlib.ExitStack() as files:
        files.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        while files.enter_context(Path(os.devnull).open()).fileno() <= 1024:
            continue
        pool = Pool(1)
        files.callback(pool.close)
        assert pool.render_values("${{ 1 + 1 }}", {}) == 2
