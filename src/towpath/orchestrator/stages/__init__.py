"""The stages of a plan, pure functions in this order: load, match, graph, plan; placeholders serve them all."""
