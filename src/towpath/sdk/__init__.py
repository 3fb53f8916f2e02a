"""What a plugin, built in or a stranger's, needs to meet the platform: hooks, frozen nouns, contract tests."""
