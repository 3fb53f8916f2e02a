"""Measurements: each prints one JSON line; none is a test."""
