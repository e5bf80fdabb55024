"""A hundred worlds of chaos over HTTP; `make chaos` runs ten thousand, planted defects meet more.

What does not need the wire is asked of two thousand worlds in process (`test_worlds`), each of
which costs a fiftieth of one of these.
"""

from __future__ import annotations

from hypothesis import settings

from tests.chaos.chunks import STEPS
from tests.chaos.machine import Chaos

# A profile may ask for more.
EXAMPLES = max(100, settings().max_examples)

Chaos.TestCase.settings = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None)
TestChaos = Chaos.TestCase
