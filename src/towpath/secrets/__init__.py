"""Secret values and the references that stand for them everywhere else."""
