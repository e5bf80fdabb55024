"""A guest with two ENIs under systemd-networkd: answers leave where the questions came in.

`python -m tests.integration.guest.two_enis` makes namespaces that end with it. The guest's eth0 has
the default route; eth1 has a subnet, a routing table and a source rule for its primary address, as
an administrator writes them for a second ENI. At the other end of both, packets are dropped that
come in where no route leads back to them, as a vSwitch drops what another ENI sends. So an address
of eth1 answers from afar only while a source rule covers it. networkd takes away rules that it does
not know; the program watches, and brings them back. The last line on stdout is a JSON object.
"""

from __future__ import annotations

import errno
import json
import re
import sys
import time
from typing import TYPE_CHECKING

from tests.integration.guest import managers
from tests.integration.guest.managers import NETWORK, OUTSIDE, PRIMARY, ask
from tests.integration.guest.together import MAC, run, until

if TYPE_CHECKING:
    from pathlib import Path

MAC_1 = "00:16:3e:00:00:02"
PRIMARY_1, GATEWAY_1 = "10.78.0.2", "10.78.0.1"
SECONDARY = "10.77.0.11"
SECONDARY_1 = ("10.78.0.11", "10.78.0.12")
ALL = [PRIMARY, SECONDARY, PRIMARY_1, *SECONDARY_1]
# Who asks from afar: reached by default routes only.
AFAR = "192.0.2.1"
ETH1 = f"""[Match]
Name=eth1
[Network]
Address={PRIMARY_1}/24
LinkLocalAddressing=no
DNS={{resolver}}
[Route]
Gateway={GATEWAY_1}
Table=101
[RoutingPolicyRule]
From={PRIMARY_1}
Table=101
Priority=32001
"""
WAYS = ("networkctl reload", "networkctl reconfigure eth1", "restart")


def configure(resolver: str) -> None:
    """Write the files of both links."""
    managers.networkd_files(resolver)
    (NETWORK / "20-eth1.network").write_text(ETH1.format(resolver=resolver))


def wire(folder: Path) -> None:
    """A second link beside the first, and somebody far behind both who is strict."""
    managers.wire(folder)
    run(f"ip link add eth1 address {MAC_1} type veth peer name fn1 netns outside")
    run(f"ip -n outside addr add {GATEWAY_1}/24 dev fn1")
    run("ip -n outside link set fn1 up")
    run("ip -n outside link set lo up")
    run(f"ip -n outside addr add {AFAR}/32 dev lo")
    for each in ("all", "fn0", "fn1"):
        run(f"{' '.join(OUTSIDE)} sysctl -q -w net.ipv4.conf.{each}.rp_filter=1")


def answers(address: str) -> bool:
    """Whether an address answers from afar: accepted or refused, within a second."""
    script = (
        "import socket, sys\n"
        f"made = socket.socket()\nmade.settimeout(1)\nmade.bind(({AFAR!r}, 0))\n"
        f"sys.stdout.write(str(made.connect_ex(({address!r}, 22))))\n"
    )
    said = ask(*OUTSIDE, sys.executable, "-c", script)
    return said in {"0", str(errno.ECONNREFUSED)}


def rules() -> list[str]:
    """For which addresses there are source rules to the table of eth1."""
    return re.findall(r"from (\S+) lookup 101", run("ip -4 rule"))


def heard() -> list[str]:
    """The addresses that answer from afar."""
    return [each for each in ALL if answers(each)]


def made_to(way: str, resolver: str, said: Path) -> dict[str, object]:
    """Change the files and make networkd do something: which rules it takes, and what is left."""
    configure(resolver)
    before = len(said.read_text())
    if way == "restart":
        managers.start_networkd()
    else:
        run(way)
    until(lambda: resolver in managers.networkd_resolvers(), 5)
    time.sleep(4)  # longer than the program takes to look again
    until(lambda: heard() == ALL, 20)
    added = set(re.findall(r"add rule from (\S+) ", said.read_text()[before:]))
    return {"lost": sorted(added), "rules": sorted(rules()), "heard": heard()}


def play(folder: Path) -> dict[str, object]:
    """Boot, ask, start the program, ask again; then networkd is made to do what takes rules."""
    wire(folder)
    configure(managers.RESOLVERS[0])
    managers.start_networkd()
    until(lambda: managers.networkd_ready() and rules() == [PRIMARY_1], 20)
    # The addresses are up, and no rule is there but the administrator's: what the program is for.
    for address, link in ((SECONDARY, "eth0"), *((each, "eth1") for each in SECONDARY_1)):
        run(f"ip addr add {address}/32 dev {link} noprefixroute")
    before = heard()
    enis: list[dict[str, object]] = [
        {"mac": MAC, "id": "eni-guest", "ips": [PRIMARY, SECONDARY]},
        {"mac": MAC_1, "id": "eni-second", "ips": [PRIMARY_1, *SECONDARY_1]},
    ]
    with managers.watching(folder, *enis) as said:
        until(lambda: {*SECONDARY_1} <= {*rules()}, 20)
        after = heard()
        turns = enumerate(WAYS, 1)
        ways = {way: made_to(way, managers.RESOLVERS[turn % 2], said) for turn, way in turns}
        enis[1]["ips"] = [PRIMARY_1, SECONDARY_1[0]]
        (folder / "metadata.json").write_text(json.dumps({"enis": enis}))
        until(lambda: SECONDARY_1[1] not in rules(), 20)
        left = sorted(rules())
    return {"before": before, "after": after, "ways": ways, "left": left}


if __name__ == "__main__":
    managers.alone(__spec__.name, "networkd", play)
