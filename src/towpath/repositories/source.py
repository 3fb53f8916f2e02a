"""Reads `towpath://<repository>/blob/<branch>/<path>` for the catalog and golden paths."""

import fnmatch
import re

from towpath.kit.db import Session
from towpath.kit.errors import Invalid, NotFound
from towpath.repositories import git, queries
from towpath.repositories.service import folder
from towpath.sdk.types import SourceFile

ADDRESS = re.compile(r"towpath://(?P<name>[^/]+)/(?:blob|tree)/(?P<branch>[^/]+)/(?P<path>.*)")


class RepositorySource:
    """The source of our own repositories; the session tells names from uids, git is asked outside of it."""

    scheme = "towpath"

    def read(self, session: Session, target: str) -> list[SourceFile]:
        """Every file of a path or pattern at a branch."""
        found = ADDRESS.fullmatch(target)
        if found is None:
            raise Invalid(
                f"'{target}' is no address of a repository", hint="towpath://<repository>/blob/<branch>/<path>"
            )
        row = queries.named(session, found["name"])
        if row is None:
            raise NotFound(f"there is no repository '{found['name']}'")
        bare, branch, path = folder(row.uid), found["branch"], found["path"]
        files = {path: False}
        if any(char in path for char in "*?["):
            tree = git.list_tree(bare, branch, recursive=True)
            files = {one.path: one.executable for one in tree if fnmatch.fnmatch(one.path, path)}
        base = f"towpath://{found['name']}/blob/{branch}"
        return [
            SourceFile(f"{base}/{one}", git.read_file(bare, branch, one), executable)
            for one, executable in files.items()
        ]


SOURCE = RepositorySource()
