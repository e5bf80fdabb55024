"""What the program decides, over real HTTP to a hardened metadata service and a fake `ip`."""

from __future__ import annotations

import py_compile
import shutil
import signal
import stat
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.guest import scenarios
from tests.integration.guest.metadata import MACS, Service
from tests.integration.guest.program import ETH0, ETH1, PROGRAM, Guest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

PRIMARY = "addr 10.0.0.2/24 dev eth0"
MAC, SECOND = ETH0[2], ETH1[2]


def eni(*ips: str, mac: str = MAC, **more: Any) -> dict[str, Any]:
    """An ENI as the metadata service lists it."""
    return {"mac": mac, "id": f"eni-{mac[-1]}", "ips": list(ips), **more}


@pytest.mark.parametrize("name", sorted(scenarios.ALL))
def test_scenario(tmp_path: Path, name: str) -> None:
    """Each scenario that catches a deliberate defect passes with the program as it is."""
    scenarios.ALL[name](tmp_path, None)


@pytest.mark.parametrize("defect", sorted(scenarios.DEFECTS))
def test_defect_is_caught(tmp_path: Path, defect: str) -> None:
    """The program with this deliberate defect fails the scenario that guards against it."""
    name, old, new = scenarios.DEFECTS[defect]
    with pytest.raises(AssertionError):
        scenarios.ALL[name](tmp_path, (old, new))


@pytest.mark.parametrize("count", [0, 1, 2, 49])
def test_every_count_of_addresses(tmp_path: Path, count: int) -> None:
    """As many as are listed are there, each as a /32, and the report says so."""
    ips = [f"10.0.0.{n}" for n in range(10, 10 + count)]
    with Service(eni("10.0.0.2", *ips)) as service:
        guest = Guest(tmp_path / "guest", service.url, held=[PRIMARY])
        status, said = guest.sync()
        assert {"10.0.0.2/24 eth0", *(f"{ip}/32 eth0" for ip in ips)} == guest.addresses
        row = said["enis"][0]
        assert (0, count, count) == (status, row["wanted"], row["present"])
        assert sorted(f"{ip}/32" for ip in ips) == row["added"]
        assert ("eni-1", MAC, "eth0", None) == tuple(
            row[key] for key in ("network_interface_id", "mac", "link", "reason")
        )


@pytest.mark.parametrize(
    ("links", "reason"),
    [
        ((ETH0,), "no link in this namespace has its MAC"),
        ((ETH0, ("eth1", "BROADCAST", SECOND, "")), "eth1 is down"),
        ((ETH0, ("eth1", "UP", SECOND, " master br0 ")), "eth1 is a port of br0"),
    ],
)
def test_link_that_cannot_be_used(
    tmp_path: Path, links: tuple[tuple[str, str, str, str], ...], reason: str
) -> None:
    """An ENI without a usable link is reported with the reason; the other one is served."""
    enis = eni("10.0.0.2", "10.0.0.3"), eni("10.0.1.2", "10.0.1.3", mac=SECOND)
    with Service(*enis) as service:
        guest = Guest(tmp_path / "guest", service.url, links, [PRIMARY])
        status, said = guest.sync()
        assert {"10.0.0.2/24 eth0", "10.0.0.3/32 eth0"} == guest.addresses
        assert (1, [None, reason]) == (status, [row["reason"] for row in said["enis"]])


def test_vlan_on_the_link_is_not_taken_for_it(tmp_path: Path) -> None:
    """A VLAN has the MAC of the link below it; addresses go to that link."""
    vlan = ("eth0.7@eth0", "UP", MAC, "")
    with Service(eni("10.0.0.2", "10.0.0.3")) as service:
        guest = Guest(tmp_path / "guest", service.url, (vlan, ETH0), [PRIMARY])
        guest.sync()
        assert "10.0.0.3/32 eth0" in guest.addresses


def _answer(page: str, answer: tuple[int, str], service: Service) -> None:
    service.odd[page] = answer


def odd_answers() -> Mapping[str, Callable[[Service], None]]:
    """Answers that say nothing about what may be removed."""
    page = f"{MACS}{MAC}/private-ipv4s"
    answers = {
        "an error": (500, "[]"),
        "throttled": (429, ""),
        "not found": (404, "[]"),
        "refused": (403, ""),
        "empty": (200, ""),
        "an empty list": (200, "[]"),
        "no primary": (200, '["10.0.0.3"]'),
        "no list": (200, '"10.0.0.2"'),
        "an object": (200, '{"10.0.0.2": 1}'),
        "numbers": (200, "[167772162]"),
        "a loopback address": (200, '["10.0.0.2", "127.0.0.1"]'),
        "an IPv6 address": (200, '["10.0.0.2", "fe80::1"]'),
        "cut within the list": (200, '["10.0.0.2", "10.0'),
        "a page of HTML": (200, "<html>"),
        "a link-local address": (200, '["10.0.0.2", "169.254.0.9"]'),
        "a multicast address": (200, '["10.0.0.2", "239.0.0.9"]'),
        "a broadcast": (200, '["10.0.0.2", "255.255.255.255"]'),
        "this network": (200, '["10.0.0.2", "0.0.0.0"]'),
        "a control character": (200, '["10.0.0.2", "10.0.0.3\\u0000"]'),
        "an escape sequence": (200, '["10.0.0.2", "\\u001b[2J"]'),
        "an option of ip": (200, '["10.0.0.2", "10.0.0.3 dev lo"]'),
        "digits of other scripts": (200, '["10.0.0.2", "10.0.0.\\u0663"]'),
        "a network": (200, '["10.0.0.2", "10.0.0.0/8"]'),
        "a deep list": (200, "[" * 60_000),
    }
    found: dict[str, Callable[[Service], None]] = {
        name: partial(_answer, page, answer) for name, answer in answers.items()
    }
    found["cut after the list"] = lambda service: service.cut.add(page)
    for name, prefixes in {
        "everything as a prefix": '["0.0.0.0/0"]',
        "half of everything as a prefix": '["128.0.0.0/1"]',
        "a large prefix": '["10.0.0.0/16"]',
        "a loopback prefix": '["127.0.0.0/28"]',
        "a prefix with host bits": '["10.0.0.17/28"]',
    }.items():
        found[name] = partial(_answer, f"{MACS}{MAC}/ipv4-prefixes", (200, prefixes))
    found["endless"] = lambda service: service.endless.add(page)
    found["a byte a second"] = lambda service: service.trickling.add(page)
    found["all has moved"] = lambda service: setattr(service, "elsewhere", service.url)
    found["no MACs"] = partial(_answer, MACS, (200, ""))
    found["a cut MAC"] = partial(_answer, MACS, (200, "00:16:3e:00:0"))
    return found


@pytest.mark.parametrize("name", sorted(odd_answers()))
def test_odd_answer_changes_nothing(tmp_path: Path, name: str) -> None:
    """What is there stays, and the exit status says that there was no usable answer."""
    with Service(eni("10.0.0.2", "10.0.0.3")) as service:
        guest = Guest(tmp_path / "guest", service.url, held=[PRIMARY])
        guest.sync()
        before = guest.holds
        odd_answers()[name](service)
        status, said = guest.sync()
        assert before == guest.holds
        assert (2, False, []) == (status, said["ok"], said["enis"])
        assert "no usable answer" in said["reason"]


def test_mac_that_is_listed_twice_counts_once(tmp_path: Path) -> None:
    """Each of its addresses is added and counted once."""
    with Service(eni("10.0.0.2", "10.0.0.3")) as service:
        service.odd[MACS] = (200, f"{MAC}/\n{MAC.upper()}/\n")
        guest = Guest(tmp_path / "guest", service.url, held=[PRIMARY])
        status, said = guest.sync("--expect", "2")
        assert (1, 1, True) == (status, len(said["enis"]), "2 expected, not 1" in said["reason"])
        assert {"10.0.0.2/24 eth0", "10.0.0.3/32 eth0"} == guest.addresses


def test_primary_of_another_eni_is_not_taken(tmp_path: Path) -> None:
    """A primary address that another ENI lists among its own is left to its ENI."""
    enis = eni("10.0.0.2", "10.0.0.3", "10.0.1.2"), eni("10.0.1.2", mac=SECOND)
    with Service(*enis) as service:
        held = [PRIMARY, "addr 10.0.1.2/24 dev eth1"]
        guest = Guest(tmp_path / "guest", service.url, (ETH0, ETH1), held)
        status, said = guest.sync()
        assert {"10.0.0.2/24 eth0", "10.0.0.3/32 eth0", "10.0.1.2/24 eth1"} == guest.addresses
        assert (0, [1, 0]) == (status, [row["wanted"] for row in said["enis"]])


@pytest.mark.parametrize("address", ["192.168.9.9", "8.8.8.8", "220.0.0.9", "223.255.255.9"])
def test_address_of_another_network_is_only_itself(tmp_path: Path, address: str) -> None:
    """What lies outside of the vSwitch is added as listed: one address, and no route to others."""
    with Service(eni("10.0.0.2", address)) as service:
        guest = Guest(tmp_path / "guest", service.url, held=[PRIMARY])
        assert 0 == guest.sync()[0]
        assert [PRIMARY, f"addr {address}/32 dev eth0"] == guest.holds


def test_no_service_changes_nothing(tmp_path: Path) -> None:
    """Where nothing answers, nothing is changed."""
    with Service(eni("10.0.0.2", "10.0.0.3")) as service:
        guest = Guest(tmp_path / "guest", service.url, held=[PRIMARY])
        guest.sync()
    before = guest.holds
    assert 2 == guest.sync()[0]
    assert before == guest.holds


def test_one_unusable_answer_does_not_stop_the_others(tmp_path: Path) -> None:
    """The ENI whose answer is odd stays as it is; the other one is served."""
    enis = eni("10.0.0.2", "10.0.0.3"), eni("10.0.1.2", "10.0.1.3", mac=SECOND)
    with Service(*enis) as service:
        service.odd[f"{MACS}{SECOND}/private-ipv4s"] = (500, "")
        guest = Guest(tmp_path / "guest", service.url, (ETH0, ETH1), [PRIMARY])
        status, said = guest.sync()
        assert {"10.0.0.2/24 eth0", "10.0.0.3/32 eth0"} == guest.addresses
        assert (1, [1, 0]) == (status, [row["wanted"] for row in said["enis"]])
        assert said["enis"][1]["reason"].startswith("no usable answer")


def test_proxies_are_not_asked(tmp_path: Path) -> None:
    """The environment's proxies do not apply to the metadata service."""
    with Service(eni("10.0.0.2", "10.0.0.3")) as service:
        proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy"), "http://127.0.0.1:9")
        guest = Guest(tmp_path / "guest", service.url, held=[PRIMARY], environ=proxies)
        assert 0 == guest.sync()[0]


def test_prefixes_are_local_routes_of_the_same_ownership(tmp_path: Path) -> None:
    """A prefix is one local route; it is removed when it is listed no more, not when unclear."""
    listed = eni("10.0.0.2", prefixes=["10.0.0.16/28", "10.0.0.32/28"])
    with Service(listed) as service:
        guest = Guest(tmp_path / "guest", service.url, held=[PRIMARY])
        guest.sync()
        routes = [f"route local 10.0.0.{n}/28 dev eth0 table local" for n in (16, 32)]
        assert [PRIMARY, *routes] == guest.holds
        service.odd[f"{MACS}{MAC}/ipv4-prefixes"] = (200, "")
        guest.sync()
        assert [PRIMARY, *routes] == guest.holds
        service.odd.clear()
        listed["prefixes"] = ["10.0.0.32/28"]
        status, said = guest.sync()
        assert [PRIMARY, routes[1]] == guest.holds
        assert (0, ["10.0.0.16/28"]) == (status, said["enis"][0]["removed"])


@pytest.mark.parametrize("routed", [True, False])
@pytest.mark.parametrize("ruled", [True, False])
def test_source_rules_of_a_secondary_eni(tmp_path: Path, *, routed: bool, ruled: bool) -> None:
    """They copy those of its primary address, where there are any and its subnet is routed."""
    enis = eni("10.0.0.2", "10.0.0.3"), eni("10.0.1.2", "10.0.1.3", mac=SECOND)
    held = [PRIMARY, "addr 10.0.1.2/24 dev eth1", "rule from 10.0.0.2 lookup 100 pref 32000"]
    held += ["route 10.0.1.0/24 dev eth1 proto kernel scope link"] * routed
    held += ["rule from 10.0.1.2 lookup 101 pref 32001"] * ruled
    with Service(*enis) as service:
        guest = Guest(tmp_path / "guest", service.url, (ETH0, ETH1), held)
        guest.sync()
        rule = "rule from 10.0.1.3 lookup 101 pref 32001"
        new = {"addr 10.0.0.3/32 dev eth0", "addr 10.0.1.3/32 dev eth1"}
        assert new | ({rule} if routed and ruled else set()) == set(guest.holds) - set(held)
        service.enis[1]["ips"] = ["10.0.1.2"]
        guest.sync()
        assert {"addr 10.0.0.3/32 dev eth0"} == set(guest.holds) - set(held)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("10-terway.conflist", "{}"),
        ("05-cni.conf", '{"type": "cilium-cni"}'),
        ("10-any.conf", '{"plugins": [{"type": "eni"}]}'),
    ],
)
def test_refused_beside_a_cni_that_owns_enis(tmp_path: Path, name: str, text: str) -> None:
    """Nothing is changed, exit status 3, and the reason names the file."""
    with Service(eni("10.0.0.2", "10.0.0.3")) as service:
        guest = Guest(tmp_path / "guest", service.url, held=[PRIMARY])
        (tmp_path / "guest/cni").mkdir()
        (tmp_path / "guest/cni" / name).write_text(text)
        status, said = guest.sync("--wait", "60")
        assert [PRIMARY] == guest.holds
        assert (3, True) == (status, name in said["reason"])


def test_flannel_is_no_reason_to_refuse(tmp_path: Path) -> None:
    """A CNI that does not own ENIs is none of its business."""
    with Service(eni("10.0.0.2", "10.0.0.3")) as service:
        guest = Guest(tmp_path / "guest", service.url, held=[PRIMARY])
        (tmp_path / "guest/cni").mkdir()
        (tmp_path / "guest/cni/10-flannel.conflist").write_text('{"type": "flannel"}')
        assert 0 == guest.sync()[0]


@pytest.mark.parametrize(("provider", "status"), [("ALIYUN", 3), ("EC2", 0)])
def test_refused_beside_nm_cloud_setup(tmp_path: Path, provider: str, status: int) -> None:
    """An active nm-cloud-setup for Aliyun does the same work; for another cloud it does not."""
    with Service(eni("10.0.0.2", "10.0.0.3")) as service:
        guest = Guest(tmp_path / "guest", service.url, held=[PRIMARY])
        guest.fake("systemctl", f"#!/bin/sh\necho Environment=NM_CLOUD_SETUP_{provider}=yes\n")
        assert status == guest.sync()[0]


def test_addresses_left_to_others(tmp_path: Path) -> None:
    """What the configuration lists is neither added nor removed; a bad line is refused."""
    with Service(eni("10.0.0.2", "10.0.0.3", "10.0.0.9", "10.0.0.65")) as service:
        guest = Guest(tmp_path / "guest", service.url, held=[PRIMARY])
        conf = tmp_path / "guest/conf"
        conf.write_text("10.0.0.9  # the cluster's\n10.0.0.64/30\n")
        status, said = guest.sync()
        assert {"10.0.0.2/24 eth0", "10.0.0.3/32 eth0"} == guest.addresses
        assert (0, 1) == (status, said["enis"][0]["wanted"])
        conf.write_text("10.0.0.9-12\n")
        status, said = guest.sync()
        assert (3, True) == (status, "10.0.0.9-12" in said["reason"])


def test_check_only_looks(tmp_path: Path) -> None:
    """Missing addresses are reported with status 1, and not added."""
    with Service(eni("10.0.0.2", "10.0.0.3")) as service:
        guest = Guest(tmp_path / "guest", service.url, held=[PRIMARY])
        status, said = guest.run("check")
        assert [PRIMARY] == guest.holds
        row = said["enis"][0]
        assert (1, 1, 0, []) == (status, row["wanted"], row["present"], row["added"])


@pytest.mark.parametrize("address", ["http://{}/", "http://{}/latest", "{}"])
def test_service_is_named_by_host_and_port(tmp_path: Path, address: str) -> None:
    """With or without a scheme and a path."""
    with Service(eni("10.0.0.2", "10.0.0.3")) as service:
        url = address.format(service.url.removeprefix("http://"))
        assert 0 == Guest(tmp_path / "guest", url, held=[PRIMARY]).sync()[0]


def test_sync_waits_for_what_is_expected(tmp_path: Path) -> None:
    """Fewer addresses than expected are waited for; at the end the status says so."""
    with Service(eni("10.0.0.2")) as service:
        guest = Guest(tmp_path / "guest", service.url, held=[PRIMARY])
        assert 1 == guest.sync("--expect", "1")[0]
        process = guest.start("sync", "--wait", "30", "--expect", "1")
        service.enis[0]["ips"].append("10.0.0.3")
        process.communicate(timeout=30)
        assert 0 == process.returncode


def test_watch_looks_again_and_ends_cleanly(tmp_path: Path) -> None:
    """SIGHUP looks at once, an outage is survived, SIGTERM ends it with a last line."""
    with Service(eni("10.0.0.2", "10.0.0.3")) as service:
        guest = Guest(tmp_path / "guest", service.url, held=[PRIMARY])
        process = guest.start("watch", "--every", "60")
        assert process.stdout is not None
        assert '"ok": true' in process.stdout.readline()
        service.odd[MACS] = (503, "")
        process.send_signal(signal.SIGHUP)
        while '"ok": false' not in process.stdout.readline():
            pass
        service.odd.clear()
        service.enis[0]["ips"].append("10.0.0.4")
        process.send_signal(signal.SIGHUP)
        while "10.0.0.4" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
        assert (0, True) == (process.returncode, '"ok": true' in out)
        assert "10.0.0.4/32 eth0" in guest.addresses


# Its clock and its pauses go this much faster: an hour takes six seconds, and the quickest machine
# has no more looks in it than in an hour.
HASTE = 600.0
HURRIED = (
    "from time import monotonic, sleep",
    f"""from time import monotonic as _now, sleep
monotonic = lambda: _now() * {HASTE}
_wait = signal.sigtimedwait
signal.sigtimedwait = lambda signals, pause: _wait(signals, pause / {HASTE})""",
)


def test_an_hour_without_the_service(tmp_path: Path) -> None:
    """What is there stays, few questions are asked, and the first whole answer counts."""
    with Service(eni("10.0.0.2", "10.0.0.3")) as service:
        guest = Guest(tmp_path / "guest", service.url, held=[PRIMARY], change=HURRIED)
        process = guest.start("watch", "--every", "60")
        assert process.stdout is not None
        assert '"ok": true' in process.stdout.readline()
        service.odd["api/token"] = service.odd[MACS] = (503, "")
        while '"ok": false' not in process.stdout.readline():
            pass  # looks that had begun
        service.asked.clear()
        time.sleep(3600 / HASTE)
        most = 600 / 3 + 3000 / 60  # every 3 s for ten minutes, then every 60 s
        assert 30 < len(service.asked) <= most
        assert {PRIMARY.split()[1] + " eth0", "10.0.0.3/32 eth0"} == guest.addresses
        service.enis[0]["ips"].append("10.0.0.4")
        service.odd.clear()
        while "10.0.0.4" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert 0 == process.returncode


@pytest.mark.parametrize("every", ["0", "-5"])
def test_watch_never_looks_without_a_pause(tmp_path: Path, every: str) -> None:
    """Whatever it is asked, a second passes between two looks."""
    with Service(eni("10.0.0.2", "10.0.0.3")) as service:
        guest = Guest(tmp_path / "guest", service.url, held=[PRIMARY])
        process = guest.start("watch", "--every", every)
        assert process.stdout is not None
        assert '"ok": true' in process.stdout.readline()
        service.asked.clear()
        time.sleep(1.5)
        assert len([page for _, page in service.asked if page == MACS]) <= 2
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert 0 == process.returncode


def test_few_reads(tmp_path: Path) -> None:
    """One pass asks for one token, and for each page once."""
    with Service(eni("10.0.0.2", "10.0.0.3")) as service:
        Guest(tmp_path / "guest", service.url, held=[PRIMARY]).sync()
        assert len(service.asked) == len(set(service.asked)) == 7


def test_install_into_another_root(tmp_path: Path) -> None:
    """The program and its unit are there and enabled; uninstall takes them away."""
    guest = Guest(tmp_path / "guest", "http://127.0.0.1:9")
    (tmp_path / "guest/bin/systemctl").unlink()
    root = tmp_path / "root"
    assert 0 == guest.run("install", "--root", str(root))[0]
    installed = root / "usr/local/sbin/secondary-ips"
    unit = root / "etc/systemd/system/secondary-ips.service"
    assert guest.program.read_text() == installed.read_text()
    assert stat.S_IMODE(installed.stat().st_mode) == 0o755
    assert (root / "etc/systemd/system/multi-user.target.wants/secondary-ips.service").is_symlink()
    assert "CapabilityBoundingSet=CAP_NET_ADMIN" in unit.read_text()
    assert 0 == guest.run("uninstall", "--root", str(root))[0]
    assert [] == [each for each in root.rglob("*") if not each.is_dir()]


UNIT = {
    "CapabilityBoundingSet": "CAP_NET_ADMIN",
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "RuntimeDirectory": "secondary-ips",
    "RuntimeDirectoryPreserve": "yes",
    "Restart": "always",
    "RestartSec": "5",
}


def installed(folder: Path) -> Path:
    """The unit, as the program writes it into another root."""
    guest = Guest(folder / "guest", "http://127.0.0.1:9")
    (folder / "guest/bin/systemctl").unlink()
    assert 0 == guest.run("install", "--root", str(folder / "root"))[0]
    return folder / "root/etc/systemd/system/secondary-ips.service"


def test_unit_may_do_no_more_than_it_needs(tmp_path: Path) -> None:
    """One capability, and no write but to its own folder; nothing in the unit widens that."""
    unit = installed(tmp_path).read_text()
    _, _, service = unit.partition("[Service]\n")
    found = dict(line.split("=", 1) for line in service.partition("[")[0].splitlines())
    assert found.pop("ExecStart") == "/usr/local/sbin/secondary-ips watch"
    assert UNIT == found


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say about it, and does about a misspelt one."""
    unit, root = installed(tmp_path), tmp_path / "root"
    shutil.copytree("/lib/systemd/system", root / "lib/systemd/system", symlinks=True)
    verify = ["systemd-analyze", "verify", "--man=no", f"--root={root}", unit.name]
    said = []
    for text in (unit.read_text(), unit.read_text().replace("ProtectSystem", "ProtectsSystem")):
        unit.write_text(text)
        done = subprocess.run(verify, capture_output=True, text=True, check=False)  # noqa: S603
        said.append([line for line in done.stderr.splitlines() if unit.stem in line])
    assert [0, 1] == [len(each) for each in said], said


def test_size_and_versions(tmp_path: Path) -> None:
    """It fits user data, and compiles here; `make guest` tries Python 3.6 where that is."""
    assert PROGRAM.stat().st_size < 13_000
    py_compile.compile(str(PROGRAM), cfile=str(tmp_path / "compiled"), doraise=True)
    said = subprocess.run(  # noqa: S603  (the program under test)
        [sys.executable, PROGRAM, "--version"], capture_output=True, check=True
    )
    assert b"secondary-ips 1.0" == said.stdout.strip()
