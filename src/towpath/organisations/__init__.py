"""Tenants: their databases, members and hostnames, in the control database."""
