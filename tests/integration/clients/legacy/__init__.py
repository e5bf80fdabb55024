"""The older Python SDK, which lives in an environment of its own."""
