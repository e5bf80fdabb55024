"""Schedules as Function Compute takes them: six fields, seconds first, or an interval."""

from __future__ import annotations

import re

# Seconds first (Function Compute, "Time triggers"): the least and the largest value of each field.
CRON_FIELDS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
EVERY = re.compile(r"@every [1-9]\d*[smh]")
TIME_ZONE = re.compile(r"(?:CRON_TZ|TZ)=[A-Za-z]+(?:/[A-Za-z_+-]+\d*)* ")
STEP = re.compile(r"(\*|\?|\d+(?:-\d+)?)(?:/(\d+))?")


def is_cron(text: object) -> bool:
    """Whether Function Compute takes it for a schedule: six fields, or `@every 5m`."""
    if not isinstance(text, str):
        return False
    fields = TIME_ZONE.sub("", text, count=1).split(" ")
    if EVERY.fullmatch(text):
        return True
    return len(fields) == len(CRON_FIELDS) and all(map(_is_field, fields, CRON_FIELDS))


def _is_field(field: str, bounds: tuple[int, int]) -> bool:
    return all(_is_part(part, bounds) for part in field.split(","))


def _is_part(part: str, bounds: tuple[int, int]) -> bool:
    found = STEP.fullmatch(part)
    if found is None:
        return False
    numbers = [int(number) for number in re.findall(r"\d+", found[1])]
    fits = all(bounds[0] <= number <= bounds[1] for number in numbers)
    return fits and numbers == sorted(numbers) and found[2] != "0"
