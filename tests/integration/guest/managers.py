"""A guest whose interface belongs to a network manager, with the program beside it: who wins.

`python -m tests.integration.guest.managers NAME` makes namespaces that end with it: the guest's, in
which the manager of that name brings eth0 up, and one at the other end of a veth, in which dnsmasq
gives out the primary address. The program watches in the guest, beside a hardened metadata service.
Then the manager is made to do again what administrators make it do, and `ip monitor` says what
became of the addresses. The last line on stdout is a JSON object: what each of these did.

systemd and udev do not run in a namespace. The managers are started as their units start them, on a
system bus of their own, and take links for ready because a /sys that is read-only tells them that
there is no udev. `netplan apply` is netplan's own; what it asks of `systemctl` (start and stop
NetworkManager) is done by a stand-in, what it asks of `udevadm` by nobody.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.guest import together
from tests.integration.guest.program import PROGRAM
from tests.integration.guest.together import MAC, METADATA, run, started, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PRIMARY, GATEWAY = "10.77.0.2", "10.77.0.1"
SECONDARY = tuple(f"10.77.0.{last}" for last in range(11, 19))
PREFIX = "10.77.0.64/28"
OUTSIDE = ("ip", "netns", "exec", "outside")
MONITOR = ("ip", "-4", "-o", "-ts", "monitor", "address")
NETWORKD = "/lib/systemd/systemd-networkd"
NETIF, NETWORK = Path("/run/systemd/netif"), Path("/run/systemd/network")
# What is changed in a file before it is read again: nothing that has to do with addresses.
RESOLVERS = ("100.100.2.136", "100.100.2.138")
KEYFILE = Path("/etc/NetworkManager/system-connections/eth0.nmconnection")
YAML = Path("/etc/netplan/50-cloud-init.yaml")
PIDFILE = "/run/NetworkManager/NetworkManager.pid"
NM_CONF = """[main]
plugins=keyfile
dns=none
auth-polkit=false
[device]
match-device=interface-name:eth0
managed=1
[keyfile]
unmanaged-devices=interface-name:lo
"""
# What netplan asks of systemd, as far as it is about a service that is here.
SYSTEMCTL = f"""#!/bin/sh
case "$*" in
*is-enabled*|*is-active*) exit 3 ;;
stop*NetworkManager.service)
  pid=$(cat {PIDFILE})
  kill "$pid"
  # Nobody may count it in here: an ended process that waits for that counts as ended.
  while ps -o stat= -p "$pid" | grep -q '^[^Z]'; do sleep 0.1; done ;;
start*NetworkManager.service) NetworkManager ;;
esac
"""


@dataclass(frozen=True)
class Done:
    """What came of one thing that the manager was made to do.

    Attributes:
        lost: how many secondary addresses went away meanwhile.
        prefix_lost: whether the program had to add the prefix again; a route goes unannounced.
        primary_lost: whether the primary address did.
        seconds: from the first loss until all were back.
        whole: whether all that is listed is there in the end.
        primary: the primary address as it stands then.
        source: from which address packets leave that go out by the default route.
    """

    lost: int
    prefix_lost: bool
    primary_lost: bool
    seconds: float
    whole: bool
    primary: str
    source: str


@dataclass(frozen=True)
class Manager:
    """How a manager is run.

    Attributes:
        needs: its commands.
        configure: writes its files, with one resolver.
        start: starts it; it goes on in the background.
        resolvers: shows which resolvers it knows of, and with them whether it has read its files.
        ready: whether the interface is up, in its own words.
        ways: what it is made to do, once its files have changed.
    """

    needs: tuple[str, ...]
    configure: Callable[[str], None]
    start: Callable[[], None]
    resolvers: Callable[[], str]
    ready: Callable[[], bool]
    ways: dict[str, Callable[[], object]]


def background(*words: str) -> None:
    """Start what goes on until its namespace ends."""
    subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603


def ask(*words: str) -> str:
    """What a command says, whether it succeeds or not."""
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout  # noqa: S603


# --- systemd-networkd ---------------------------------------------------------------------------


def networkd_files(resolver: str) -> None:
    """A file as cloud-init renders it."""
    (NETWORK / "10-cloud-init-eth0.network").write_text(
        f"[Match]\nName=eth0\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nDNS={resolver}\n"
    )


def start_networkd() -> None:
    """Start it, in place of one that runs."""
    stop("systemd-networkd")
    background(NETWORKD)


def stop(name: str) -> None:
    """Ask the process of a name to end, as systemd would; there is no other one in here."""
    for pid in ask("pgrep", "-x", name[:15]).split():
        run(f"kill {pid}")
        until(partial(ended, pid))


def ended(pid: str) -> bool:
    """Whether a process is gone, or waits for nothing but to be counted."""
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True


def networkd_resolvers() -> str:
    """The state files of all links."""
    return "".join(each.read_text() for each in (NETIF / "links").iterdir())


def networkd_ready() -> bool:
    """As its own command says."""
    return " configured" in ask("networkctl", "--no-legend", "list", "eth0")


# --- NetworkManager -----------------------------------------------------------------------------


def keyfile(resolver: str) -> None:
    """A connection as an administrator writes it; a change counts once it is loaded."""
    KEYFILE.parent.mkdir(exist_ok=True)
    KEYFILE.write_text(
        "[connection]\nid=eth0\nuuid=5fb06bd0-0bb0-7ffb-45f1-d6edd65f3e03\ntype=ethernet\n"
        f"interface-name=eth0\n[ipv4]\nmethod=auto\ndns={resolver}\n[ipv6]\nmethod=disabled\n"
    )
    KEYFILE.chmod(0o600)


def start_nm() -> None:
    """Start it, in place of one that runs."""
    stop("NetworkManager")
    run("NetworkManager")


def nm(*commands: str) -> None:
    """Say this to NetworkManager."""
    for each in commands:
        run(f"nmcli {each}")


def nm_resolvers() -> str:
    """As its own command says."""
    return ask("nmcli", "-g", "IP4.DNS", "device", "show", "eth0")


def nm_ready() -> bool:
    """As its own command says."""
    return "(connected)" in ask("nmcli", "-g", "GENERAL.STATE", "device", "show", "eth0")


# --- netplan ------------------------------------------------------------------------------------


def yaml(renderer: str, resolver: str) -> None:
    """The file of netplan."""
    YAML.write_text(
        f"network:\n  version: 2\n  renderer: {renderer}\n  ethernets:\n    eth0:\n"
        f"      dhcp4: true\n      link-local: []\n      nameservers: {{addresses: [{resolver}]}}\n"
    )
    YAML.chmod(0o600)


def generated(start: Callable[[], None]) -> None:
    """What a boot does: netplan's generator first, then the manager."""
    run("netplan generate")
    start()


# After these the manager goes on with what its files said before.
READ_NOTHING = {"networkctl renew eth0", "nmcli connection reload"}
APPLY: dict[str, Callable[[], object]] = {"netplan apply": partial(run, "netplan apply")}
MANAGERS = {
    "networkd": Manager(
        ("networkctl", NETWORKD),
        networkd_files,
        start_networkd,
        networkd_resolvers,
        networkd_ready,
        {
            "networkctl reload": partial(run, "networkctl reload"),
            "networkctl reconfigure eth0": partial(run, "networkctl reconfigure eth0"),
            "networkctl renew eth0": partial(run, "networkctl renew eth0"),
            "restart": start_networkd,
        },
    ),
    "NetworkManager": Manager(
        ("NetworkManager", "nmcli"),
        keyfile,
        start_nm,
        nm_resolvers,
        nm_ready,
        {
            "nmcli connection reload": partial(nm, "connection reload"),
            "nmcli device reapply eth0": partial(nm, "connection reload", "device reapply eth0"),
            "nmcli connection up eth0": partial(nm, "connection reload", "connection up eth0"),
            "restart": start_nm,
        },
    ),
    "netplan over networkd": Manager(
        ("netplan", "networkctl", NETWORKD),
        partial(yaml, "networkd"),
        partial(generated, start_networkd),
        networkd_resolvers,
        networkd_ready,
        APPLY,
    ),
    "netplan over NetworkManager": Manager(
        ("netplan", "NetworkManager", "nmcli"),
        partial(yaml, "NetworkManager"),
        partial(generated, start_nm),
        nm_resolvers,
        nm_ready,
        APPLY,
    ),
}


def why_not(name: str) -> str | None:
    """Why a manager cannot be tried here; None where it can."""
    for each in ("dbus-daemon", "dnsmasq", "pgrep", *MANAGERS[name].needs):
        if not shutil.which(each):
            return f"{each} is not installed"
    return together.why_not()


def wire(folder: Path) -> None:
    """The guest's own folders and link, what is at its other end, and a system bus."""
    for each in ("/run", "/etc/NetworkManager", "/var/lib/NetworkManager", "/etc/netplan"):
        if Path(each).exists():
            run(f"mount -t tmpfs -o mode=755 tmpfs {each}")
    run("mount -t sysfs -o ro sysfs /sys")
    for made in (NETWORK, Path("/run/dbus"), *(NETIF / it for it in ("links", "leases", "lldp"))):
        made.mkdir(parents=True)
    run(f"chown -R systemd-network {NETIF}")
    for name, text in {"systemctl": SYSTEMCTL, "udevadm": "#!/bin/sh\n"}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    os.environ["PATH"] = f"{folder}:{os.environ['PATH']}"
    run("ip link set lo up")
    run(f"ip addr add {METADATA}/32 dev lo")
    run("ip netns add outside")
    run(f"ip link add eth0 address {MAC} type veth peer name fn0 netns outside")
    run(f"ip -n outside addr add {GATEWAY}/24 dev fn0")
    run("ip -n outside link set fn0 up")
    background("dbus-daemon", "--system", "--nofork", "--nopidfile")
    options = f"--conf-file=/dev/null --port=0 --leasefile-ro --no-ping --dhcp-option=3,{GATEWAY}"
    lease = f"--dhcp-range={PRIMARY},{PRIMARY},255.255.255.0,2m"
    background(*OUTSIDE, "dnsmasq", "--keep-in-foreground", "--user=root", *options.split(), lease)


def held() -> list[str]:
    """What eth0 holds, with the sizes."""
    return re.findall(r" inet (\S+)", run("ip -4 -o addr show dev eth0"))


def all_there() -> bool:
    """Whether eth0 holds every address that is listed, and the prefix."""
    prefix = f"local {PREFIX} " in run("ip -4 route show table local dev eth0")
    return prefix and {f"{PRIMARY}/24", *(f"{each}/32" for each in SECONDARY)} <= set(held())


def done(manager: Manager, way: str, resolver: str, said: Path) -> Done:
    """Change the manager's files, make it do something, and see what becomes of the addresses."""
    before, log = len(said.read_text()), said.with_name("monitor")
    manager.configure(resolver)
    with log.open("w") as file, started(*MONITOR, stdout=file):
        time.sleep(0.3)
        manager.ways[way]()
        if way not in READ_NOTHING:
            until(lambda: resolver in manager.resolvers(), 5)
        time.sleep(0.7)
        until(lambda: manager.ready() and all_there(), 20)
        time.sleep(0.3)
    changes = re.findall(r"^\[(\S+)\] (Deleted )?.* inet (\S+)", log.read_text(), re.M)
    gone = [(at, address) for at, deleted, address in changes if deleted]
    since = [datetime.fromisoformat(at) for at, _, _ in changes if gone and at >= gone[0][0]]
    lost = {address for _, address in gone}
    source = re.search(r" src (\S+)", ask("ip", "route", "get", "192.0.2.1"))
    return Done(
        len(lost & {f"{each}/32" for each in SECONDARY}),
        f"add route local {PREFIX} " in said.read_text()[before:],
        f"{PRIMARY}/24" in lost,
        (since[-1] - since[0]).total_seconds() if since else 0.0,
        all_there(),
        next((each for each in held() if not each.endswith("/32")), ""),
        source[1] if source else "",
    )


@contextlib.contextmanager
def watching(folder: Path, *enis: Mapping[str, object]) -> Iterator[Path]:
    """The program, beside a metadata service; gives the file in which it says what it does."""
    listing, said = folder / "metadata.json", folder / "said"
    listing.write_text(json.dumps({"enis": enis}))
    metadata = "tests.integration.guest.metadata"
    with started(sys.executable, "-m", metadata, "80", f"{listing}"), said.open("w") as file:
        words = (sys.executable, str(PROGRAM), "watch")
        with subprocess.Popen(words, stdout=file, stderr=subprocess.STDOUT) as program:  # noqa: S603
            try:
                yield said
            finally:
                program.terminate()


def play(name: str, folder: Path) -> dict[str, object]:
    """Boot, start the program, and make the manager do everything that it can be made to do."""
    manager = MANAGERS[name]
    wire(folder)
    manager.configure(RESOLVERS[0])
    manager.start()
    booted = until(lambda: f"{PRIMARY}/24" in held() and manager.ready(), 20)
    eni = {"mac": MAC, "id": "eni-guest", "ips": [PRIMARY, *SECONDARY], "prefixes": [PREFIX]}
    with watching(folder, eni) as said:
        until(all_there, 20)
        first = held()
        ways = {
            way: asdict(done(manager, way, RESOLVERS[(turn + 1) % 2], said))
            for turn, way in enumerate(manager.ways)
        }
    touched = re.findall(rf"^\w+ addr {PRIMARY}/.*$", said.read_text(), re.M)
    return {"booted": booted, "first": first, "ways": ways, "primary_touched": touched}


def alone(module: str, name: str, play: Callable[[Path], object]) -> None:
    """Play in namespaces of its own and print what was found, or say why not."""
    if sys.argv[-1] != "inside":
        if reason := why_not(name):
            raise SystemExit(reason)
        namespaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        command = ["unshare", *namespaces, sys.executable, "-m", module, *sys.argv[1:], "inside"]
        os.execvp(command[0], command)  # noqa: S606
    with tempfile.TemporaryDirectory() as folder:
        json.dump(play(Path(folder)), sys.stdout)


if __name__ == "__main__":
    alone(__spec__.name, sys.argv[1], partial(play, sys.argv[1]))
