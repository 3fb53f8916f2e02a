"""The template language as an engine of the platform: children that start with the first rendering and end with the portal."""

from towpath.golden_paths import rendering
from towpath.golden_paths.templating import pool
from towpath.sdk.types import Health


class TemplateEngine:
    """V8 with the template language; nothing runs between renderings but a warm child."""

    name = "templates"
    survives_portal = False

    def doctor(self) -> Health:
        """Whether every part is installed."""
        if absent := pool.absent():
            mend = "reinstall Towpath: 'pip install --force-reinstall mini-racer'"
            return Health(self.name, "missing", f"no golden path can be walked: {', '.join(absent)} is absent", mend)
        return Health(self.name, "ok", "renders templates in V8, in the jail")

    def up(self) -> None:
        """The first rendering starts the first child."""

    def down(self) -> None:
        """End the children."""
        rendering.close()
