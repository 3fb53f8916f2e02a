"""Reading what locations name: one source per URL scheme, Locations followed to the files they name."""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from towpath.catalog import substitute, urls
from towpath.kit import db, yaml
from towpath.kit.db import Session
from towpath.kit.errors import Forbidden, Invalid, TowpathError
from towpath.kit.http import Client
from towpath.sdk import plugins
from towpath.sdk.types import Source, SourceFile

MOST_FILES = 1000
Read = Callable[[str], list[SourceFile]]


class HttpSource:
    """Files behind https, through the platform's one outbound client. GitHub and GitLab pages are read as raw files."""

    needs_session = False

    def __init__(self, scheme: str) -> None:
        self.scheme = scheme

    def read(self, session: Session | None, target: str) -> list[SourceFile]:
        """The one file of an address; raises Invalid for a pattern, else as `kit.http`."""
        del session
        if urls.GLOB.search(target):
            raise Invalid(f"'{target}' is a pattern, and a web server cannot list its files", hint="name each file")
        return [SourceFile(target, Client().get(_raw(target)))]


def _raw(url: str) -> str:
    hub = re.fullmatch(r"https://github\.com/([^/]+/[^/]+)/(?:blob|tree)/(.+)", url)
    if hub:
        return f"https://raw.githubusercontent.com/{hub[1]}/{hub[2]}"
    return re.sub(r"/-/(?:blob|tree)/", "/-/raw/", url)


def own() -> list[Source]:
    """The sources of the catalog itself."""
    return [HttpSource("https"), HttpSource("http")]


def read_in(session: Session, target_url: str) -> list[SourceFile]:
    """All files of a location, read in the caller's session: for sources whose files lie in our own repositories."""
    return _gathered(target_url, lambda url: _source(url).read(session, url))


def read(database: db.DatabaseRef, target_url: str) -> list[SourceFile]:
    """All files of a location, before any session is opened: each source that needs one gets a short one to read."""

    def one(url: str) -> list[SourceFile]:
        source = _source(url)
        if not getattr(source, "needs_session", True):
            return source.read(None, url)  # type: ignore[arg-type]
        with db.read(database) as session:
            return source.read(session, url)

    return _gathered(target_url, one)


def _source(url: str) -> Source:
    scheme = url.partition("://")[0].lower()
    for source in plugins.collect(plugins.call().sources()):
        if source.scheme == scheme:
            found: Source = source
            return found
    raise Invalid(f"nothing reads addresses that begin with '{scheme}://'", hint="use https:// or towpath://")


@dataclass
class _Gathering:
    """Files found so far, and what they name that still has to be read."""

    read: Read
    files: dict[str, SourceFile] = field(default_factory=dict)
    waiting: deque[str] = field(default_factory=deque)
    asked: set[str] = field(default_factory=set)

    def ask(self, url: str) -> None:
        """Read `url` later, once."""
        if url not in self.asked:
            self.asked.add(url)
            self.waiting.append(url)

    def take(self, url: str) -> None:
        """Read one URL, and ask for what its documents name."""
        for file in self.read(url):
            if file.url in self.files:
                continue
            if len(self.files) >= MOST_FILES:
                raise Invalid(f"a location may name at most {MOST_FILES} files", hint="register smaller parts")
            self.files[file.url] = file
            self.asked.add(file.url)
            for document in yaml.read_all(file.data, file.url)[0] if file.url.endswith((".yaml", ".yml")) else ():
                for part in (
                    *substitute.targets(document.value, file.url),
                    *urls.location_targets(document.value, file.url),
                ):
                    self.ask(part)


def _gathered(target_url: str, read: Read) -> list[SourceFile]:
    type_, target = urls.parse_location(target_url)
    if type_ != "url":
        raise Forbidden("files of the host come only with the install", hint="register an address of a repository")
    work = _Gathering(read)
    work.asked.add(target)
    work.take(target)
    while work.waiting:
        try:
            work.take(work.waiting.popleft())
        except TowpathError:
            continue  # the location's problems say which file was not read
    return list(work.files.values())
