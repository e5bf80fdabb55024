"""`--output csv`: one line per ENI on standard output, with the words of the tables."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING

from console.progress import got, had, has, missing

if TYPE_CHECKING:
    from console.progress import Row

COLUMNS = (
    *("eni", "instance", "instance_type", "scaling_group", "vswitch"),
    *("had", "target", "set_by", "got", "has", "missing", "outcome", "reason", "code"),
)
_WHO = ("network_interface_id", "instance_id", "instance_type", "scaling_group_id", "vswitch_id")


class Sheet:
    """Writes a line for each ENI that it hears of, in the order in which they are decided."""

    def __init__(self) -> None:
        self._writer = csv.writer(sys.stdout, lineterminator="\n")
        self._writer.writerow(COLUMNS)

    def hear(self, record: Row) -> None:
        """Take in one record."""
        if record["record_type"] == "eni_result":
            who = [record.get(name) for name in _WHO]
            numbers = [had(record), record["target"], record["target_source"]]
            numbers += [got(record), has(record), missing(record)]
            self._writer.writerow(
                [*who, *numbers, record["outcome"], record["reason"], record["code"]]
            )
