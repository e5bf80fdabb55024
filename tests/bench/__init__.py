"""Benchmarks: scripts that print figures, not tests that a slow machine fails."""
