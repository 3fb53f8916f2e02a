"""Starting a pipeline: for a commit, and for who may push it."""

import pytest

from towpath.kit import db
from towpath.kit.errors import Forbidden, Invalid
from towpath.pipelines import service
from towpath.repositories import service as repositories


@pytest.mark.parametrize("commit", ["--upload-pack=id", "main", "+refs/heads/*:refs/heads/*", "0" * 39, ""])
def test_only_the_whole_name_of_a_commit_starts_a_pipeline(organisation, developer, commit):
    """Git reads a word that begins with '-' as an option, and one of those names a program to run."""
    uid = repositories.make(organisation, developer, "orders").uid
    with pytest.raises(Invalid, match="names no commit"), db.write(organisation) as session:
        service.start(session, developer, uid, commit, "main")


def test_who_may_not_push_starts_no_pipeline(organisation, developer, actor):
    uid = repositories.make(organisation, developer, "orders").uid
    with pytest.raises(Forbidden), db.write(organisation) as session:
        service.start(session, actor("viewer"), uid, "0" * 40, "main")
