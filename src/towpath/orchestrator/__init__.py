"""From a workload to running resources: match, graph, plan, apply, state."""
