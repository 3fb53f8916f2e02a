"""The actions every golden path has: files of the workspace, the catalog file, the log."""
