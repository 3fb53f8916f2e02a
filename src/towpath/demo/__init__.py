"""The demo organisation Northbank: documents that ship with the install."""

from pathlib import Path


def folder() -> Path:
    """Where the documents lie: `organisation/` (people, teams, software) and `platform/` (environments, definitions)."""
    return Path(__file__).parent
