"""The pages say what is true: commands, targets, addresses, documents and code in them are looked up, parsed or run."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest
import yaml as libyaml
from fastapi.routing import APIRoute
from tools import docs

from towpath import capabilities, cli
from towpath.catalog import service as catalog
from towpath.kit.settings import Settings
from towpath.orchestrator.stages.load import load
from towpath.sdk import hooks, plugins

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
GUIDES = [page for page in PAGES if page.parent.name in ("start", "guides") or page.name == "README.md"]
FENCE = re.compile(r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
ENGINES = ("/git/", "/static/")
OTHERS = {"curl", "git", "sed", "call", "field", "settled", "until", "do", "done"}
"""What commands of the pages may begin with, besides `make`, `towpath` and assignments."""


class Block(NamedTuple):
    page: Path
    info: str
    text: str


def blocks(info: str) -> list[Block]:
    """Every fenced block of the guides whose first word is `info`."""
    found = [Block(page, one["info"], one["text"]) for page in GUIDES for one in FENCE.finditer(page.read_text())]
    return [one for one in found if one.info.split(" ")[0] == info]


def named(block: object) -> str:
    return f"{block.page.stem}:{block.text.splitlines()[0][:40]}" if isinstance(block, Block) else str(block)


def prose(page: Path) -> str:
    """A page without its blocks."""
    return FENCE.sub("", page.read_text())


def commands(text: str) -> Iterator[list[str]]:
    """The commands of a shell block, as words."""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        for part in re.split(r"; |\$\(", line.split("  #")[0]):
            if match := re.match(r"(towpath|make) [^)|\"`]*", part.strip()):
                yield shlex.split(match[0], comments=True)


def told() -> list[str]:
    """`make X` and `towpath X` of every block and of every inline code."""
    found = []
    for page in PAGES:
        if page.parent.name == "decisions":
            continue
        text = page.read_text()
        inline = re.findall(r"`((?:make|towpath) [^`]*)`", prose(page))
        for part in [*(one["text"] for one in FENCE.finditer(text) if one["info"] == "sh"), *inline]:
            found += [shlex.join(words) for words in commands(part)]
    return sorted(set(found))


def test_the_pages_tell_commands() -> None:
    assert {"make run", "make test", "towpath doctor", "towpath down --services"} <= set(told())


@pytest.mark.parametrize("line", [one for one in told() if one.startswith("make ")])
def test_every_make_target_exists(line):
    targets = re.findall(r"^([a-z][a-z%-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    target = line.split()[1]
    assert target in targets or f"{target.split('-')[0]}-%" in targets


@pytest.mark.parametrize("line", [one for one in told() if one.startswith("towpath ")])
def test_every_towpath_command_parses(line):
    known(line.replace("[", "").replace("]", ""))


def known(line: str) -> None:
    """Walk the words down the tree of commands; raises when one or an option is unknown."""
    cli.towpath.extend()
    words = line.split()[1:]
    command: click.Command = cli.towpath
    while words and isinstance(command, click.Group):
        assert words[0] in command.commands, f"there is no '{line}'"
        command = command.commands[words.pop(0)]
    options = {name for one in command.params for name in one.opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_an_unknown_command_would_be_caught():
    with pytest.raises(AssertionError):
        known("towpath catalogue lint x")
    with pytest.raises(AssertionError):
        known("towpath down --everything")


def routes() -> list[re.Pattern[str]]:
    """Every address of the portal, parameters as patterns."""
    found = ["/healthz", "/readyz"]
    for router in plugins.collect(plugins.call().routers()):
        found += [route.path for route in router.routes if isinstance(route, APIRoute)]
    return [re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path))) for path in found]


def addresses() -> list[str]:
    """Paths of the portal that the pages name: in code, and after its address in commands."""
    found = set()
    for page in GUIDES:
        text = page.read_text()
        found |= {one.rstrip("/") for one in re.findall(r"`(/[a-z][\w/-]*)`", prose(page))}
        for path in re.findall(r"(?:\$PORTAL|127\.0\.0\.1:7007)(/[\w/$:.-]*)", text):
            found.add(re.sub(r"\$[A-Z]+", "x", path))
    return sorted(one for one in found if not one.startswith(ENGINES))


@pytest.mark.parametrize("path", addresses())
def test_every_address_is_a_route(path):
    assert any(one.fullmatch(path) for one in routes())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for text in re.findall(r"\]\(([^)#\s]*)(?:#[^)]*)?\)", prose(page)):
        assert text == "" or text.startswith("http") or (page.parent / text).exists(), text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_anchors_are_headings(page):
    for target, anchor in re.findall(r"\]\(([^)#\s]*\.md)#([^)]*)\)", prose(page)):
        heads = re.findall(r"^#+ (.*)$", (page.parent / target).read_text(), re.MULTILINE)
        assert anchor in [re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-") for head in heads]


@pytest.mark.parametrize("block", blocks("sh"), ids=named)
def test_shell_blocks_use_only_what_a_reader_has(block):
    lines = [line for line in re.sub(r"\\\n", " ", block.text).splitlines() if line.strip()]
    for line in lines:
        first = re.match(r"\s*([\w./-]+)", line)
        if first and not line.startswith((" ", "'")) and not re.match(r"[A-Z]+=|\w+\(\)", line):
            assert first[1] in {"make", "towpath", *OTHERS}, line


@pytest.mark.parametrize("block", blocks("yaml"), ids=named)
def test_documents_are_valid(block, tmp_path, monkeypatch):
    value = libyaml.safe_load(block.text)
    if block.info.endswith("towpath.yaml"):
        (tmp_path / "towpath.yaml").write_text(block.text)
        monkeypatch.chdir(tmp_path)
        found = {name: getattr(Settings(), name) for name in value}
        plain = {
            name: one.get_secret_value() if hasattr(one, "get_secret_value") else one for name, one in found.items()
        }
        assert {name: str(one) for name, one in plain.items()} == {name: str(one) for name, one in value.items()}
    elif value["apiVersion"].startswith("score.dev/"):
        assert load(block.text).name
    else:
        (tmp_path / "document.yaml").write_text(block.text)
        found = catalog.lint([tmp_path / "document.yaml"])
        assert (len(found.entities), [str(one) for one in found.problems]) == (1, [])


def test_the_code_of_the_guides_runs_as_one_plugin(loaded):
    """The blocks of one page in order; the hooks they end with are taken by the plugin manager."""
    scope: dict[str, object] = {"__name__": "towpath_guide"}
    for block in blocks("python"):
        ast.parse(block.text)
        exec(compile(block.text, block.page.name, "exec"), scope)
    manager = plugins._manager[0]
    module = type("Guide", (), {name: staticmethod(one) for name, one in scope.items() if hasattr(one, "towpath_impl")})
    manager.register(module, name="guide")
    try:
        manager.check_pending()
        assert "text:shout" in [one.id for one in plugins.collect(manager.hook.template_actions())]
        assert "bucket" in [one.id for one in plugins.collect(manager.hook.resource_drivers())]
    finally:
        manager.unregister(name="guide")


def reference(name: str) -> str:
    return (ROOT / "docs" / "reference" / f"{name}.md").read_text()


def leaves(command: click.Command, path: str) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from leaves(inner, f"{path} {name}")
    else:
        yield path


def test_everything_that_can_be_used_is_in_the_reference():
    cli.towpath.extend()
    asked = plugins.call()
    wanted = {
        "commands": [f"`{one}" for one in leaves(cli.towpath, "towpath")],
        "hook-points": [f"`{name}(" for name, one in vars(hooks).items() if hasattr(one, "towpath_spec")],
        "settings": [f"`TOWPATH_{name.upper()}`" for name in Settings.model_fields],
        "template-actions": [f"## {one.id}\n" for one in plugins.collect(asked.template_actions())],
        "drivers": [f"`{one.id}`" for one in plugins.collect(asked.resource_drivers())],
        "permissions": [f"`{one.id}`" for one in plugins.collect(asked.permissions())],
        "kinds": [f"`{one.name}`" for one in plugins.collect(asked.kinds())],
    }
    assert set(wanted) == {page.__name__.replace("_", "-") for page in docs.PAGES}
    for page, names in wanted.items():
        assert len(names) > 3, page
        assert [name for name in names if name not in reference(page)] == []


def test_every_option_and_action_says_what_it_is():
    for page in ("settings", "permissions", "hook-points", "drivers", "commands", "kinds"):
        empty = [row for row in reference(page).splitlines() if row.startswith("| `") and re.search(r"\| *\|$", row)]
        assert empty == [], page


def test_the_map_names_every_capability():
    page = (ROOT / "docs" / "guides" / "architecture.md").read_text()
    assert [name for name in capabilities.NAMES if f"`{name}`" not in page] == []


def test_every_example_is_run_by_a_test():
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py")) + (ROOT / "bench/road.py").read_text()
    examples = [path for group in (ROOT / "examples").iterdir() for path in group.iterdir() if path.is_dir()]
    assert examples
    assert [path.name for path in examples if path.name not in tests] == []
