"""Making a release: what a wheel brings along runs in the jail or not at all."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from towpath.kit import jail
from towpath.kit.errors import Invalid
from towpath.runtimes import releases
from towpath.runtimes.releases import Release


@pytest.fixture
def orders(settings, parts) -> Release:
    layer, wheel = parts
    return Release("r1", "orders.development", "acme", "orders", "development", wheel, layer, ("orders",))


def test_a_wheel_whose_files_run_at_the_start_of_python_runs_nothing_of_ours(orders, tmp_path):
    """Python runs the lines of `.pth` files that begin with `import`, and an installer starts Python to compile."""
    wheel, seen = tmp_path / orders.wheel.name, tmp_path / "seen"
    wheel.write_bytes(orders.wheel.read_bytes())
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("evil.pth", f"import os; open({str(seen)!r}, 'w').write(str(os.getuid()))\n")
    place = releases.prepare(replace(orders, wheel=wheel), 1)
    assert next(place.glob("venv/lib/*/site-packages/evil.pth")).is_file()
    assert not seen.exists()


def test_a_release_belongs_to_the_platform_and_is_compiled(orders, tmp_path):
    wheel = tmp_path / orders.wheel.name
    wheel.write_bytes(orders.wheel.read_bytes())
    wheel.chmod(0o600)  # as the store keeps it
    place = releases.prepare(replace(orders, wheel=wheel), 1)
    module = next(place.glob("venv/lib/*/site-packages/orders/main.py"))
    assert (module.owner(), module.stat().st_mode & 0o777) == (place.owner(), 0o644)
    assert list(module.parent.glob("__pycache__/main.*.pyc"))
    assert not list(place.rglob("*.whl"))


@pytest.mark.parametrize("word", ["a\n[program:evil]\ncommand=/bin/touch x", "a ; b", "a # b", "%(here)s", "a'b"])
def test_the_words_of_a_start_command_are_words_only(orders, word):
    """A line of a tenant in supervisord's file would be a program outside of the jail, as the portal's user."""
    releases.prepare(replace(orders, command=("orders", word)), 1)
    given = releases.command("orders.development", "r1")
    assert not any(word in one for one in given)
    assert json.loads(Path(given[-1]).read_text())[-1] == word


def test_what_a_cell_made_may_not_link_out_of_its_folder(tmp_path):
    (tmp_path / "secret").write_text("of the platform")
    made = tmp_path / "made"
    made.mkdir()
    (made / "pyvenv.cfg").symlink_to(tmp_path / "secret")
    with pytest.raises(Invalid, match=r"'pyvenv.cfg' links out of its folder"):
        jail.reclaim(made)
