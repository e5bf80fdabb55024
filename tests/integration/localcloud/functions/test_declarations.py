"""The world's functions are read strictly: every complaint names its field."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.schema import InvalidInput
from localcloud.service import Service
from tests.integration.localcloud.functions.sample_world import CODE, OLD, function, world


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"memory": 512}, "functions[0].memory: unknown field"),
        ({"name": "1st"}, "functions[0].name: must match"),
        ({"name": None}, "functions[0].name: must be a string"),
        ({"code": "/no/such/folder"}, "functions[0].code: /no/such/folder is no folder"),
        ({"handler": "handler"}, "functions[0].handler: must be file.function"),
        ({"handler": "main.handler"}, f"functions[0].handler: no such file in {CODE}"),
        ({"initializer": "index"}, "functions[0].initializer: must be file.function"),
        ({"runtime": "python3.11"}, "functions[0].runtime: must be one of"),
        ({"service": "s"}, "functions[0].runtime: FC 2.0, where services are"),
        ({"timeout": 0}, "functions[0].timeout: must be between 1 and 86400"),
        ({"timeout": 1.5}, "functions[0].timeout: must be an integer"),
        ({"env": {"A": 1}}, "functions[0].env.A: must be a string"),
        ({"env": {"FC_REGION": "x"}}, "functions[0].env.FC_REGION: the runtime removes"),
        ({"env": {"A": "x" * 4096}}, "functions[0].env: must be at most 4096 bytes"),
        ({"retries": 9}, "functions[0].retries: must be between 0 and 8"),
        ({"on_failure": "nobody"}, "functions[0].on_failure: nobody is neither a function"),
        ({"on_failure": "mns:"}, "functions[0].on_failure: mns: is neither a function"),
        ({"instances": 0}, "functions[0].instances: must be between 1 and 100"),
        ({"interpreter": "python4.2"}, "functions[0].interpreter: python4.2 is no command"),
    ],
)
def test_bad_functions(changes: dict[str, Any], complaint: str) -> None:
    """Wrong, missing, and unknown fields; folders and files that are not there."""
    with pytest.raises(InvalidInput) as caught:
        Service(world(function(**changes)))

    assert str(caught.value).startswith(complaint)


def test_names_are_unique() -> None:
    """Logs and destinations know functions by name alone, so services do not tell them apart."""
    twice = (function(OLD), function(OLD, service="s", runtime="python3.10"))
    with pytest.raises(InvalidInput, match=r"functions\[1\]\.name: old stands twice"):
        Service(world(*twice))
