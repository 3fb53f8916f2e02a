"""Runs: everything that takes longer than a second has steps, a log, a live stream, cancel and retry here."""
