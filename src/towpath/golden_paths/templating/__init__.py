"""Backstage's own template language (nunjitsu) in V8, in jailed children with limits."""
