"""The floor everything stands on: databases, jobs, events, files, errors. Knows nothing of the platform."""
