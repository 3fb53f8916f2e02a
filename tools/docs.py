"""Writes the reference pages from the code: settings, permissions, hooks, actions, drivers, commands, kinds (`make docs`)."""

import inspect
from pathlib import Path

import click

from towpath import capabilities, cli
from towpath.kit.settings import Settings
from towpath.sdk import hooks, plugins

FOLDER = Path(__file__).parent.parent / "docs" / "reference"


def _first(text: str | None) -> str:
    return " ".join((text or "").split("\n\n")[0].split())


def _table(title: str, intro: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [f"# {title}", "", intro, "", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def settings() -> str:
    """Every setting."""
    rows = [
        (
            f"`TOWPATH_{name.upper()}`",
            f"`{name}`",
            str(one.get_default(call_default_factory=True)) or "–",
            one.description or "",
        )
        for name, one in Settings.model_fields.items()
    ]
    intro = "Each is an environment variable, or a key of `towpath.yaml` in the working folder; the variable wins."
    return _table("Settings", intro, ("variable", "key", "default", "what it is"), rows)


def permissions() -> str:
    """Every permission."""
    found = sorted(plugins.collect(plugins.call().permissions()), key=lambda one: one.id)
    rows = [(f"`{one.id}`", one.role.name.replace("_", " "), one.description) for one in found]
    return _table(
        "Permissions", "A role includes the ones before it.", ("permission", "least role", "what it allows"), rows
    )


def hook_points() -> str:
    """Every hook."""
    rows = []
    for name, function in inspect.getmembers(hooks, inspect.isfunction):
        if getattr(function, f"{hooks.PROJECT}_spec", None) is not None:
            arguments = ", ".join(inspect.signature(function).parameters)
            rows.append((f"`{name}({arguments})`", _first(function.__doc__)))
    return _table(
        "Hooks", "All extension points, for built-in capabilities and plugins alike.", ("hook", "what it answers"), rows
    )


def template_actions() -> str:
    """Every template action."""
    parts = ["# Template actions", "", "Steps that a golden path may use.", ""]
    for one in sorted(plugins.collect(plugins.call().template_actions()), key=lambda one: one.id):
        parts += [f"## {one.id}", "", one.description + ".", "", "| input | what it is |", "|---|---|"]
        for name, field in one.takes.model_fields.items():
            need = "" if field.is_required() else " (optional)"
            parts.append(f"| `{field.alias or name}`{need} | {field.description or ''} |")
        outputs = ", ".join(f"`{field.alias or name}`" for name, field in one.gives.model_fields.items())
        parts += ["", f"Gives {outputs or 'nothing'}.", ""]
    return "\n".join(parts)


def drivers() -> str:
    """Every resource driver."""
    found = sorted(plugins.collect(plugins.call().resource_drivers()), key=lambda one: one.id)
    rows = [(f"`{one.id}`", ", ".join(f"`{type_}`" for type_ in one.types), _first(type(one).__doc__)) for one in found]
    return _table(
        "Resource drivers", "Who brings which resource types about.", ("driver", "types", "what it does"), rows
    )


def kinds() -> str:
    """Every kind of entity."""
    found = sorted(plugins.collect(plugins.call().kinds()), key=lambda one: one.name)
    rows = [
        (f"`{one.name}`", ", ".join(f"`{v}`" for v in one.api_versions), one.supply, one.description) for one in found
    ]
    intro = "`any`: from any registered location; `granted`: only from locations a platform engineer granted."
    return _table("Kinds", intro, ("kind", "versions", "supply", "what it is"), rows)


def commands() -> str:
    """Every command."""
    cli.towpath.extend()
    rows: list[tuple[str, ...]] = []

    def walk(command: click.Command, path: str) -> None:
        if isinstance(command, click.Group):
            for name in sorted(command.commands):
                walk(command.commands[name], f"{path} {name}")
            return
        words = [
            one.make_metavar(click.Context(command)) if isinstance(one, click.Argument) else one.opts[0]
            for one in command.params
        ]
        rows.append((f"`{' '.join([path, *words])}`", _first(command.help)))

    walk(cli.towpath, "towpath")
    return _table("Commands", "Errors are one message, its hint and an exit code.", ("command", "what it does"), rows)


PAGES = (settings, permissions, hook_points, template_actions, drivers, kinds, commands)


def main() -> None:
    """Write every page."""
    plugins.load(capabilities.plugs())
    for page in PAGES:
        (FOLDER / f"{page.__name__.replace('_', '-')}.md").write_text(page())


if __name__ == "__main__":
    main()
