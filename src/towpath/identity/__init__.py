"""Accounts, sign-in and tokens; puts an Actor on every request."""
