"""A hundred worlds of chaos; `make chaos` runs ten thousand, and planted defects meet more."""

from __future__ import annotations

from hypothesis import settings

from tests.chaos.machine import Chaos

Chaos.TestCase.settings = settings(stateful_step_count=20, deadline=None)
TestChaos = Chaos.TestCase
