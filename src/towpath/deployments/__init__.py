"""One revision of one service in one environment: plan, gate, apply, promote, roll back."""
