"""What every test stands on: no proxy, and a Hypothesis profile that can be repeated."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# The SDKs honour a proxy even for 127.0.0.1, and know no exception.
for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
    del os.environ[name]

settings.register_profile(
    "default", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", parent=settings.get_profile("default"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
