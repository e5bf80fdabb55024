"""Tests, and what they stand on: a local cloud, a stage, small worlds."""
