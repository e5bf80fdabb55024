"""A few hundred worlds of chaos; `make chaos` runs ten thousand."""

from __future__ import annotations

from hypothesis import settings

from tests.chaos.machine import Chaos

Chaos.TestCase.settings = settings(max_examples=200, stateful_step_count=20, deadline=None)
TestChaos = Chaos.TestCase
