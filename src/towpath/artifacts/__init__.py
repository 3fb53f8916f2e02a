"""Bundles, layers and what vouches for them, in a content-addressed store."""
