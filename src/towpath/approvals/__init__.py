"""Approvals: a request, a rule, a decision by somebody else, bound to a digest."""
