"""What every test stands on: no proxy, and a Hypothesis profile that can be repeated."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

from tests.stage import forget_proxies

forget_proxies()

settings.register_profile(
    "default", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", parent=settings.get_profile("default"), max_examples=2000)
# A planted defect is to be caught, not explained.
settings.register_profile(
    "mutations", parent=settings.get_profile("default"), phases=[Phase.generate], database=None
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
