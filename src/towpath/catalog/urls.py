"""URLs of files: joined like paths inside one repository, which they cannot leave."""

import posixpath
import re
from urllib.parse import unquote, urlsplit

from towpath.kit.errors import Invalid

GLOB = re.compile(r"[*?\[]")
SCHEME = re.compile(r"[a-zA-Z][-+.a-zA-Z0-9]*://")


def parse_location(text: str) -> tuple[str, str]:
    """(type, target) of a location such as `url:https://…` or a bare URL. Raises Invalid for a type we do not read."""
    kind, _, target = text.strip().partition(":")
    if kind in ("url", "file") and not target.startswith("//"):
        return kind, target
    if kind == "file":
        return "file", target.removeprefix("//")
    if SCHEME.match(text.strip()):
        return "url", text.strip()
    raise Invalid(f"'{text}' is not a location", hint="give an address such as 'https://…/catalog-info.yaml'")


def root(url: str) -> str:
    """The folder a file cannot point out of: the repository at its branch, or the host when no repository is seen."""
    parts = urlsplit(url)
    tree = re.match(r"(.*?/(?:-/)?(?:blob|tree|raw|src/branch)/[^/]+/)", parts.path)
    return f"{parts.scheme}://{parts.netloc}{tree[1] if tree else '/'}"


def join(base: str, target: str) -> str:
    """The URL of `target` as seen from the file `base`; a leading `/` means the root of the repository.

    Raises Invalid for another host or repository, and for a path that leaves this one.
    """
    if ".." in unquote(unquote(target)).split("/") and ".." not in target.split("/"):
        raise Invalid("expected a path without encoded '..'")
    if not SCHEME.match(base):  # a file of a checkout, being linted
        if SCHEME.match(target):
            raise Invalid("expected a file of the same repository")
        return str(posixpath.normpath(posixpath.join(posixpath.dirname(base), target)))
    top = root(base)
    if SCHEME.match(target):
        if ".." in target.split("/"):
            raise Invalid("expected an address without '..'")
        whole = target
    else:
        start = top if target.startswith("/") else base.rpartition("/")[0] + "/"
        head, _, path = start.partition("://")
        host, _, folder = path.partition("/")
        whole = f"{head}://{host}{posixpath.normpath('/' + folder + '/' + target)}"
        if target.endswith("/"):
            whole += "/"
    if not whole.startswith(top):
        raise Invalid(f"expected a file below {top}")
    return whole


def location_targets(value: object, file: str) -> list[str]:
    """URLs that a document of kind Location names; a file of the host is never named from elsewhere."""
    return [url for _, _, url in named_by(value, file) if not url.startswith("file:") or file.startswith("file:")]


def named_by(value: object, file: str) -> list[tuple[tuple[str | int, ...], str, str]]:
    """(path, text, URL) of every target of a document of kind Location; what cannot be joined is left out."""
    spec = value.get("spec") if isinstance(value, dict) and value.get("kind") == "Location" else None
    if not isinstance(spec, dict):
        return []
    targets = spec.get("targets")
    found: list[tuple[tuple[str | int, ...], object]] = [(("spec", "target"), spec.get("target"))]
    found += [
        (("spec", "targets", number), one) for number, one in enumerate(targets if isinstance(targets, list) else [])
    ]
    joined: list[tuple[tuple[str | int, ...], str, str]] = []
    for path, text in found:
        if isinstance(text, str) and text:
            try:
                joined.append((path, text, text if SCHEME.match(text) else join(file, text)))
            except Invalid:
                continue
    return joined
