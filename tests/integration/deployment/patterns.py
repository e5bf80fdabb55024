"""Event patterns of EventBridge, as far as the manifests use them: exact values.

https://help.aliyun.com/en/eventbridge/user-guide/event-patterns: an event matches if it has every
field of the pattern, at the same depth, with one of the values listed; upper and lower case count.
Operators such as `prefix` are refused here, so that none is used without being evaluated.
"""

from __future__ import annotations

from typing import Any


def check_pattern(pattern: Any) -> None:
    """Raise ValueError unless the pattern consists of objects and lists of exact values."""
    if not isinstance(pattern, dict) or not pattern:
        raise ValueError(f"{pattern}: a pattern is an object with fields")
    for key, wanted in pattern.items():
        if isinstance(wanted, dict):
            check_pattern(wanted)
        elif not isinstance(wanted, list) or not wanted:
            raise ValueError(f"{key}: the values of a field stand in a list")
        elif not all(isinstance(each, str | int | float | None) for each in wanted):
            raise ValueError(f"{key}: only exact values are evaluated here")


def matches(pattern: dict[str, Any], event: Any) -> bool:
    """Whether EventBridge routes an event by this pattern."""
    check_pattern(pattern)
    return isinstance(event, dict) and all(
        key in event and _fits(wanted, event[key]) for key, wanted in pattern.items()
    )


def _fits(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, dict):
        return matches(wanted, found)
    values = found if isinstance(found, list) else [found]
    return any(value in wanted for value in values)
