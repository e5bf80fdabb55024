"""The recorded account: it checks who signs, knows only reads, and gives listings in pages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from console.doctor.account import seen
from console.doctor.finding import Level, Row
from console.doctor.findings import findings
from console.doctor.local import ACCOUNT, NAMES, PROJECT, REGION, healthy, reaching
from console.setup.access import Access, Refused
from console.setup.desired import Kind
from console.setup.services import Services
from localcloud.account.server import RecordedAccount
from tests.integration.doctor.looking import VERSION, looked

if TYPE_CHECKING:
    from pathlib import Path


def test_wrong_secret_is_refused_by_every_service() -> None:
    """Nothing at all can be read with it, and each refusal is about the signature."""
    with RecordedAccount(healthy(VERSION)) as account, reaching(account.url):
        environ = dict(os.environ) | {"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "not-the-secret"}
        access = Access(REGION, environ)
        found = findings(seen(NAMES, ACCOUNT, access, environ, VERSION))
    assert {Level.UNREAD} == {each.level for each in found}
    codes = {each.found.split(": ")[1] for each in found}
    assert {"SignatureDoesNotMatch", "SignatureNotMatch"} == codes
    assert {"fc", "ram", "mns", "log", "ess"} == {it.advice[6:].partition(":")[0] for it in found}


@pytest.mark.parametrize(
    ("kind", "name", "code"),
    [
        (Kind.TOPIC, "another", "InvalidAction.NotFound"),
        (Kind.ROLE, "another", "InvalidAction.NotFound"),
        (Kind.LOGSTORE, "another", "MethodNotAllowed"),
    ],
)
def test_nothing_can_be_made(kind: Kind, name: str, code: str) -> None:
    """It is only looked at."""
    body = {"logstoreName": name, "ttl": 1, "shardCount": 1, "document": {}}
    with RecordedAccount(healthy(VERSION)) as account, reaching(account.url):
        services = Services(NAMES, Access(REGION, os.environ))
        with pytest.raises(Refused, match=code):
            services.create(kind, name, body)


def test_listings_are_read_to_their_end() -> None:
    """What stands on the last page of groups and triggers is found, too."""
    document = healthy(VERSION)
    groups, hooks = document["scaling_groups"], document["lifecycle_hooks"]
    triggers = document["functions"][NAMES.function]["triggers"]
    for number in range(110):
        name = {"ScalingGroupId": f"asg-{number}"}
        groups.append(groups[0] | name)
        hooks.append(hooks[0] | name)
        triggers.append(triggers[2] | {"triggerName": f"drift-{number}"})
    hooks[-1]["NotificationArn"] = ""
    triggers[-1]["triggerConfig"] = json.dumps({"enable": False})
    amiss = [(it.row, it.subject) for it in looked(document) if it.level is not Level.OK]
    assert [(Row.TRIGGER, "drift-109"), (Row.HOOK, "asg-109 secondary-ips")] == amiss


def test_file_that_is_no_json_ends_it(tmp_path: Path) -> None:
    """With a word, and a status that says so."""
    file = tmp_path / "account.json"
    file.write_text("{", encoding="utf-8")
    command = [sys.executable, "-m", "localcloud.account", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603  (this interpreter)
    assert (2, "") == (done.returncode, done.stdout)
    assert f"localcloud.account: {file}: not JSON" in done.stderr


def test_project_has_a_host_of_its_own() -> None:
    """What is not that project is not there."""
    with RecordedAccount(healthy(VERSION)) as account, reaching(account.url):
        services = Services(NAMES, Access(REGION, os.environ))
        found = [services.read(Kind.PROJECT, name) for name in (PROJECT, "others")]
    assert [True, False] == [each is not None for each in found]
