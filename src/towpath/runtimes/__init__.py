"""Where workloads run, and the edge in front of them: start, probe, switch, drain, end."""
