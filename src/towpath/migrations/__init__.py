"""Schema versions: one tree for the control database, one for every organisation's."""
