"""The operator's command, as a process of its own against a local cloud."""
