"""Environments, their types and the order of promotion."""
