"""Every file of the open corpus through the product: `make compat`.

Prints a line per failing file, a summary per kind, and last one JSON line: {"compat": {kind: [passed, total]}}.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.compat import catalog, score, templates

from towpath import capabilities
from towpath.golden_paths import rendering
from towpath.kit import settings
from towpath.sdk import plugins

BESIDE = Path(__file__).parents[3] / "shared" / "corpora" / "open"
KINDS: dict[str, Callable[[Path], Iterator[tuple[str, str]]]] = {
    "catalog": catalog.run,
    "templates": templates.run,
    "score": score.run,
}
"""Each gives (file, problem) for every file of its folder; an empty problem means that the file passed."""


def main() -> int:
    """Run everything that is there; a corpus that is absent counts as nothing, and is said."""
    corpus = Path(os.environ.get("TOWPATH_CORPORA") or BESIDE)
    if not corpus.is_dir():
        print(f"There is no corpus at {corpus}; set TOWPATH_CORPORA to its folder.")
    plugins.load(capabilities.plugs(), strangers=False)
    totals = {}
    with tempfile.TemporaryDirectory() as home:
        settings.use(settings.Settings(home=Path(home)))
        for kind, run in KINDS.items():
            found = list(run(corpus)) if (corpus / kind).is_dir() else []
            for file, problem in found:
                if problem:
                    print(f"{file}: {problem}")
            totals[kind] = [sum(not problem for _, problem in found), len(found)]
        rendering.close()
    for kind, (passed, total) in totals.items():
        print(f"{kind}: {passed} of {total} files passed")
    print(json.dumps({"compat": totals}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
