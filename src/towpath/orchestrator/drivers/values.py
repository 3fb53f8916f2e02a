"""Type `environment`: values that differ between environments, and the secrets kept for the component there."""

from towpath.kit.errors import Invalid
from towpath.sdk.types import DriverContext, Got, Want


class Values:
    """Gives back `params.values`; secrets come in by `ctx.given['secrets']` and go on as secret outputs."""

    id = "values"
    types = ("environment",)

    def plan(self, want: Want, ctx: DriverContext) -> list[str]:
        """Say which values are new or different."""
        del ctx
        held = want.state.get("values", {})
        return [f"set {name}" for name, value in sorted(_values(want).items()) if held.get(name) != value]

    def apply(self, want: Want, ctx: DriverContext) -> Got:
        """Output every value by its name; a secret of the same name wins."""
        values = _values(want)
        hidden = {name: secret.reveal() for name, secret in ctx.given.get("secrets", {}).items()}
        shown = {name: value for name, value in values.items() if name not in hidden}
        return Got(state={"values": values}, outputs=shown, secrets=hidden)

    def destroy(self, want: Want, ctx: DriverContext) -> None:
        """Nothing stands anywhere."""
        del want, ctx


def _values(want: Want) -> dict[str, object]:
    values = want.params.get("values", {})
    if not isinstance(values, dict):
        raise Invalid("the param 'values' of an environment resource must be a mapping")
    return values


DRIVER = Values()
