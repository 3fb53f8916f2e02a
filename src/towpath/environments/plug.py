"""What environments contribute."""

from collections.abc import Sequence

from towpath.environments.spec import EnvironmentSpec
from towpath.sdk.hooks import hook
from towpath.sdk.types import KindSpec


@hook
def kinds() -> Sequence[KindSpec]:
    """Environments are documents from granted locations: a developer's repository cannot add or open one."""
    return [
        KindSpec(
            name="Environment",
            api_versions=("towpath.dev/v1",),
            model=EnvironmentSpec,
            supply="granted",
            plural="Environments",
            icon="layers",
            description="A place where services run, with its type, its order of promotion and its gate.",
        )
    ]
