"""The frame: home and settings. All content comes by hooks."""
