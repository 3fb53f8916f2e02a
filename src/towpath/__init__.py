"""Towpath: an internal developer platform in one Python install."""

__version__ = "0.1.0"
