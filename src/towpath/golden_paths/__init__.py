"""Golden paths: templates people start from, their forms, their steps, and the record of what was made."""
