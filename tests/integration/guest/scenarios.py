"""Scenarios that guard against the defects which such programs have, and those defects.

Each defect is a change of the program's text; the scenario named with it must fail then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.integration.guest.metadata import MACS, Service
from tests.integration.guest.program import ETH0, ETH1, Guest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Change = tuple[str, str] | None

PRIMARY = "addr 10.0.0.2/24 dev eth0"
MAC, SECOND = ETH0[2], ETH1[2]


def _eni(*ips: str, mac: str = MAC) -> dict[str, Any]:
    return {"mac": mac, "id": f"eni-{mac[-1]}", "ips": list(ips)}


def _guest(folder: Path, service: Service, change: Change, *held: str) -> Guest:
    return Guest(folder / "g", service.url, (ETH0, ETH1), [PRIMARY, *held], change=change)


def error_is_no_empty_list(folder: Path, change: Change) -> None:
    """An error of the metadata service removes nothing."""
    with Service(_eni("10.0.0.2", "10.0.0.3"), _eni("10.0.1.2", mac=SECOND)) as service:
        guest = _guest(folder, service, change)
        guest.sync()
        service.odd[f"{MACS}{MAC}/private-ipv4s"] = (500, '["10.0.0.2"]')
        guest.sync()
        assert "10.0.0.3/32 eth0" in guest.addresses


def primary_stays(folder: Path, change: Change) -> None:
    """What has become a primary address is not removed, even if the program had added it."""
    with Service(_eni("10.0.0.2", "10.0.1.2"), _eni("10.0.1.9", mac=SECOND)) as service:
        guest = _guest(folder, service, change)
        guest.sync()
        service.enis = [_eni("10.0.0.2"), _eni("10.0.1.2", mac=SECOND)]
        guest.sync()
        assert "10.0.1.2/32 eth0" in guest.addresses


def size_is_32(folder: Path, change: Change) -> None:
    """Addresses are /32, so that they neither add routes nor depend on the primary."""
    with Service(_eni("10.0.0.2", "10.0.0.3")) as service:
        guest = _guest(folder, service, change)
        guest.sync()
        assert {"10.0.0.2/24 eth0", "10.0.0.3/32 eth0"} == guest.addresses


def addresses_are_compared_as_such(folder: Path, change: Change) -> None:
    """Blanks around an address make it no other one."""
    with Service(_eni("10.0.0.2", " 10.0.0.3 ")) as service:
        guest = _guest(folder, service, change, "addr 10.0.0.3/24 dev eth0")
        status, said = guest.sync()
        assert (0, 1) == (status, said["enis"][0]["present"] if said["enis"] else None)
        assert {"10.0.0.2/24 eth0", "10.0.0.3/24 eth0"} == guest.addresses


def two_at_once_do_no_harm(folder: Path, change: Change) -> None:
    """Six at once end well, each, and what was added is remembered."""
    ips = [f"10.0.0.{n}" for n in range(10, 22)]
    with Service(_eni("10.0.0.2", *ips)) as service:
        guest = _guest(folder, service, change)
        running: list[subprocess.Popen[str]] = [guest.start("sync") for _ in range(6)]
        for process in running:
            process.communicate(timeout=60)
        assert [0] * 6 == [process.returncode for process in running]
        service.enis = [_eni("10.0.0.2")]
        guest.sync()
        assert {"10.0.0.2/24 eth0"} == guest.addresses


def foreign_address_stays(folder: Path, change: Change) -> None:
    """What others added is not removed."""
    with Service(_eni("10.0.0.2")) as service:
        guest = _guest(folder, service, change, "addr 10.0.0.77/32 dev eth0")
        guest.sync()
        assert "10.0.0.77/32 eth0" in guest.addresses


def refused_token_is_renewed(folder: Path, change: Change) -> None:
    """A token that is refused in the middle of a pass is replaced, once."""

    class Forgetful(Service):
        def get(self, page: str, token: str | None) -> tuple[int, str]:
            if page == "meta-data/mac" and len(self.tokens) == 1:
                self.tokens = {"of no use-0"}
            return super().get(page, token)

    with Forgetful(_eni("10.0.0.2", "10.0.0.3")) as service:
        guest = _guest(folder, service, change)
        assert 0 == guest.sync()[0]
        assert 2 == len([each for each in service.asked if each[0] == "PUT"])


def slash_is_cut_off(folder: Path, change: Change) -> None:
    """MACs are listed with a trailing slash; pages are asked without two of them."""
    with Service(_eni("10.0.0.2", "10.0.0.3")) as service:
        assert 0 == _guest(folder, service, change).sync()[0]
        assert not [page for _, page in service.asked if "//" in page]


def all_addresses_come_up(folder: Path, change: Change) -> None:
    """Not only the first one."""
    with Service(_eni("10.0.0.2", "10.0.0.3", "10.0.0.4")) as service:
        guest = _guest(folder, service, change)
        guest.sync()
        assert {"10.0.0.3/32 eth0", "10.0.0.4/32 eth0"} < guest.addresses


def state_outlives_the_process(folder: Path, change: Change) -> None:
    """What another run added is removed when it is listed no more."""
    with Service(_eni("10.0.0.2", "10.0.0.3")) as service:
        guest = _guest(folder, service, change)
        guest.sync()
        service.enis = [_eni("10.0.0.2")]
        guest.sync()
        assert {"10.0.0.2/24 eth0"} == guest.addresses


def address_moves(folder: Path, change: Change) -> None:
    """An address that moved to another ENI leaves the first link before it is on the second."""
    with Service(_eni("10.0.0.2", "10.0.0.3"), _eni("10.0.0.9", mac=SECOND)) as service:
        guest = _guest(folder, service, change)
        guest.sync()
        service.enis = [_eni("10.0.0.2"), _eni("10.0.0.9", "10.0.0.3", mac=SECOND)]
        guest.sync()
        assert {"10.0.0.2/24 eth0", "10.0.0.3/32 eth1"} == guest.addresses
        steps = (guest.folder / "held.log").read_text().splitlines()
        assert ["del addr 10.0.0.3/32 dev eth0", "add addr 10.0.0.3/32 dev eth1"] == steps[-2:]


def token_first(folder: Path, change: Change) -> None:
    """A hardened instance answers nothing without a token."""
    with Service(_eni("10.0.0.2", "10.0.0.3")) as service:
        assert 0 == _guest(folder, service, change).sync()[0]


ALL: dict[str, Callable[[Path, Change], None]] = {
    each.__name__: each
    for each in (
        error_is_no_empty_list,
        primary_stays,
        size_is_32,
        addresses_are_compared_as_such,
        two_at_once_do_no_harm,
        foreign_address_stays,
        refused_token_is_renewed,
        slash_is_cut_off,
        all_addresses_come_up,
        state_outlives_the_process,
        address_moves,
        token_first,
    )
}

DEFECTS = {
    "error taken for an empty list": (
        "error_is_no_empty_list",
        "		if status != 200:\n			raise unusable(path, status)\n",
        "",
    ),
    "primary deleted": ("primary_stays", "known and not left(thing)", "known"),
    "/24": ("size_is_32", '"addr %s/32 dev %s" % (thing', '"addr %s/24 dev %s" % (thing'),
    "text comparison": (
        "addresses_are_compared_as_such",
        "IPv4Address(it.strip()) for",
        "it for",
    ),
    "no lock": ("two_at_once_do_no_harm", "fcntl.flock(lock, fcntl.LOCK_EX)", "pass"),
    "foreign address removed": (
        "foreign_address_stays",
        "(ours & held) - goal",
        "{it for it in held if '/32' in it} - goal",
    ),
    "401 ignored": ("refused_token_is_renewed", "if status != 401:", "if True:"),
    "trailing slash kept": ("slash_is_cut_off", '.rstrip("/").lower()', ".lower()"),
    "only the first address": (
        "all_addresses_come_up",
        "return sorted(gone), sorted(goal - there)",
        "return sorted(gone), sorted(goal - there)[:1]",
    ),
    "state lost": (
        "state_outlives_the_process",
        "	new.replace(FILE)\n",
        "	pass\n",
    ),
    "no token": (
        "token_first",
        '"X-aliyun-ecs-metadata-token" + header: value',
        '"X-other" + header: value',
    ),
}
