"""The template action that publishes a workspace as a repository of this platform."""

from pydantic import BaseModel, Field

from towpath.kit.errors import Invalid
from towpath.repositories import git, service
from towpath.runs import service as runs
from towpath.sdk.types import Action, StepContext


class Takes(BaseModel):
    """What to publish, under which name."""

    name: str = Field(description="Name of the repository.", examples=["orders"])
    owner: str | None = Field(None, description="Entity ref of the owner.")
    description: str = Field("", description="What it is for.")
    defaultBranch: str = Field("main", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="Its first branch.")  # noqa: N815
    sourcePath: str = Field(".", description="Folder of the workspace to publish.")  # noqa: N815
    gitCommitMessage: str = Field("Start from the golden path", description="Message of the first commit.")  # noqa: N815


class Gives(BaseModel):
    """Where it is, and which commit was made."""

    remoteUrl: str = Field(description="Address to clone.")  # noqa: N815
    repoContentsUrl: str = Field(description="Address of its contents, for catalog:register.")  # noqa: N815
    commitHash: str  # noqa: N815
    repositoryId: str  # noqa: N815


def run(takes: Takes, ctx: StepContext) -> Gives:
    """Reserve the name, commit the files, record the branch: each may be repeated."""
    source = (ctx.workspace / takes.sourcePath).resolve()
    if not source.is_relative_to(ctx.workspace.resolve()) or not source.is_dir():
        raise Invalid(f"'{takes.sourcePath}' is no folder of the workspace")
    if ctx.dry_run:
        ctx.log(f"Would publish {takes.name}")
        root = f"towpath://{takes.name}/blob/{takes.defaultBranch}/"
        return Gives(
            remoteUrl="http://example/git/dry-run.git", repoContentsUrl=root, commitHash="0" * 40, repositoryId=""
        )
    with ctx.write() as session:
        made = service.create(
            session, ctx.actor, takes.name, owner=takes.owner, description=takes.description,
            default_branch=takes.defaultBranch, key=ctx.key,
        )  # fmt: skip
        root_id = runs.get(session, ctx.actor.run_id).root_id if ctx.actor.run_id else None
    bare = service.folder(made.uid)
    git.init_bare(bare, made.default_branch)
    author = (ctx.actor.display_name or ctx.actor.ref, f"{ctx.actor.ref.rpartition('/')[2]}@users.invalid")
    commit = git.commit_tree(bare, source, made.default_branch, takes.gitCommitMessage, author)
    service.record_refs(ctx.database, ctx.actor, made.uid, root_id=root_id)
    ctx.log(f"Published {made.clone_url} at {commit[:8]}")
    return Gives(
        remoteUrl=made.clone_url, repoContentsUrl=service.location(made.name, made.default_branch, ""),
        commitHash=commit, repositoryId=made.uid,
    )  # fmt: skip


ACTION = Action("publish:git", "Publish the workspace as a repository of this platform", Takes, Gives, run)
