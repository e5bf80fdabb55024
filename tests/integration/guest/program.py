"""The program in a test: the file itself, with a fake `ip` and a fake `systemctl` on its path."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).parents[3] / "deploy/guest/secondary-ips"

# Keeps what it is given in a file, in the words that the program reads. Each line of the file is
# one address, route or rule; links are given.
FAKE_IP = r"""#!{python} -S
import fcntl, re, sys, time
words = [it for it in sys.argv[1:] if it not in ("-o", "-4", "-d")]
file, links = {file!r}, {links!r}
lock = open(file + ".lock", "w"); fcntl.flock(lock, fcntl.LOCK_EX)
held = open(file).read().splitlines()
verb = next((it for it in words if it in ("add", "del")), None)
if verb:
    words.remove(verb)
    line = " ".join(it for it in words if it != "noprefixroute")
    if (line in held) == (verb == "add"):
        sys.exit("RTNETLINK answers: File exists" if verb == "add" else "Cannot assign")
    held = held + [line] if verb == "add" else [it for it in held if it != line]
    open(file, "w").write("\n".join(held))
    open(file + ".log", "a").write(verb + " " + line + "\n")
elif words[0] == "link":
    for number, (name, flags, mac, rest) in enumerate(links, 1):
        print("%d: %s: <%s> mtu%s\\ link/ether %s" % (number, name, flags, rest, mac))
elif words[0] == "addr":
    for it in held:
        if it.startswith("addr "):
            _, address, _, link = it.split()[:4]
            print("2: %s    inet %s scope global %s" % (link, address, link))
elif words[0] == "route":
    for it in held:
        if it.startswith("route "):
            print(it[6:].replace(" table local", " scope host"))
elif words[0] == "rule":
    for it in held:
        found = re.match("rule from (\S+) lookup (\S+) pref (\S+)", it)
        if found:
            print("%s:\tfrom %s lookup %s" % (found.group(3), found.group(1), found.group(2)))
"""
ETH0 = ("eth0@if5", "BROADCAST,UP,LOWER_UP", "00:16:3e:00:00:01", "")
ETH1 = ("eth1", "BROADCAST,UP,LOWER_UP", "00:16:3e:00:00:02", "")


@dataclass
class Guest:
    """A guest in a folder: what its links hold, and the program beside it."""

    folder: Path
    url: str
    links: tuple[tuple[str, str, str, str], ...] = (ETH0,)
    held: list[str] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)
    change: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        (self.folder / "bin").mkdir(parents=True)
        (self.folder / "held").write_text("\n".join(self.held))
        self.program = self.folder / "secondary-ips"
        self.program.write_text(self.text())
        fake = FAKE_IP.format(
            python=sys.executable, file=str(self.folder / "held"), links=self.links
        )
        self.fake("ip", fake)
        self.fake("systemctl", "#!/bin/sh\nexit 3\n")

    def text(self) -> str:
        """The program, with its folders in this guest's, and perhaps a deliberate defect."""
        text = PROGRAM.read_text()
        for old, new in (self.change,) if self.change else ():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        text = text.replace('"/etc/secondary-ips.conf"', repr(str(self.folder / "conf")))
        return text.replace('"/run/secondary-ips"', repr(str(self.folder / "run")))

    def fake(self, name: str, text: str) -> None:
        """Put a command in front of the path."""
        (self.folder / "bin" / name).write_text(text)
        (self.folder / "bin" / name).chmod(0o755)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """The program, running."""
        environ = os.environ | {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "SECONDARY_IPS_METADATA": self.url,
            "SECONDARY_IPS_CNI_DIR": str(self.folder / "cni"),
        }
        return subprocess.Popen(  # noqa: S603  (the program under test)
            [sys.executable, str(self.program), *words],
            env=environ | self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> tuple[int, dict[str, Any]]:
        """(exit status, the last line)."""
        process = self.start(*words)
        out, err = process.communicate(timeout=60)
        assert out, err
        return process.returncode, json.loads(out.splitlines()[-1])

    @property
    def holds(self) -> list[str]:
        """What the links hold now, in the order of adding."""
        return (self.folder / "held").read_text().splitlines()

    @property
    def addresses(self) -> set[str]:
        """The addresses among it, with link: `10.0.0.2/24 eth0`."""
        found = re.findall(r"^addr (\S+) dev (\S+)", "\n".join(self.holds), re.M)
        return {f"{address} {link}" for address, link in found}

    def hold(self, *lines: str) -> None:
        """Replace what is held."""
        (self.folder / "held").write_text("\n".join(lines))

    def sync(self, *words: str) -> tuple[int, dict[str, Any]]:
        """One pass."""
        return self.run("sync", *words)
