"""The commands of *Ten minutes to the first service*, run as they stand on the page, on real engines."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from bench.install import fresh

PAGE = Path(__file__).parents[2] / "docs" / "start" / "first-service.md"
SHOWN = ("kind", "title", "status", "error")
STORY = ("Start", "Create", "Push", "Promote", "Approve", "Roll back", "Delete")


def script(portal: str, edge: str) -> str:
    """The page's shell blocks but `make run` and the end, each announced by its heading, at this install's addresses."""
    parts = []
    for head, text in re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        blocks = [
            one for one in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL) if "make run" not in one
        ]
        parts += [f"printf '\\n## {head}\\n'\n{one}" for one in blocks]
    return "\n".join(parts).replace("127.0.0.1:7007", portal).replace(":7080", f":{edge}")


@pytest.mark.slow
@pytest.mark.timeout(360)
def test_every_command_of_the_page_works(tmp_path, layers):
    with fresh(layers=layers) as install:
        text = script(str(install.api.base_url).removeprefix("http://"), install.edge.rpartition(":")[2])
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["timeout", "240", "bash", "-eu", "-o", "pipefail", "-c", text], cwd=tmp_path,
            env={**install.environment, "PATH": path}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        seen = [{key: one[key] for key in SHOWN} for one in install.api.get("/api/v1/runs").json()]
        assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-1000:]}\n{seen}"
        assert re.findall(r"^## (.+)$", done.stdout, re.MULTILINE) == list(STORY)
        gone = install.api.get("/api/catalog/entities/by-name/component/default/orders")
    assert gone.status_code == 404
    assert "Hello from orders" in done.stdout.split("## Push")[0]
    assert "Hello from orders" in done.stdout.split("## Roll back")[1]
