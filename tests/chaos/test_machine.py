"""A few hundred worlds of chaos; `make chaos` runs ten thousand, and planted defects meet more."""

from __future__ import annotations

from hypothesis import settings

from tests.chaos.chunks import STEPS
from tests.chaos.machine import Chaos

# A profile may ask for more.
EXAMPLES = max(250, settings().max_examples)

Chaos.TestCase.settings = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None)
TestChaos = Chaos.TestCase
