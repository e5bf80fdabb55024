"""The program in a test: the file itself, with a fake `ip` and a fake `systemctl` on its path."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).parents[3] / "deploy/guest/secondary-ips"

# Keeps what it is given in a file, in the words that the program reads. Each line of the file is
# one address, route or rule; links are given.
FAKE_IP = r"""#!/bin/sh
file={file} verb=
exec 9> "$file.lock"
flock 9
for word; do
    shift
    case $word in
    -o | -4 | -d | noprefixroute) ;;
    add | del) verb=$word ;;
    *) set -- "$@" "$word" ;;
    esac
done
case $verb in
add)
    if grep -qxF -e "$*" "$file"; then echo RTNETLINK answers: File exists >&2; exit 1; fi
    echo "$*" >> "$file" ;;
del)
    if ! grep -qxF -e "$*" "$file"; then echo Cannot assign >&2; exit 1; fi
    grep -vxF -e "$*" "$file" > "$file.left"
    mv "$file.left" "$file" ;;
esac
if [ "$verb" ]; then echo "$verb $*" >> "$file.log"; exit; fi
case $1 in
link) cat <<'links'
{links}
links
;;
addr) sed -nE 's/^addr (\S+) dev (\S+).*/2: \2    inet \1 scope global \2/p' "$file" ;;
route) sed -n 's/ table local/ scope host/; s/^route //p' "$file" ;;
rule) sed -nE 's/^rule from (\S+) lookup (\S+) pref (\S+).*/\3:\tfrom \1 lookup \2/p' "$file" ;;
esac
"""
LINK = r"%d: %s: <%s> mtu%s\ link/ether %s"
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
        self.hold(*self.held)
        self.program = self.folder / "secondary-ips"
        self.program.write_text(self.text())
        links = [
            LINK % (number, name, flags, rest, mac)
            for number, (name, flags, mac, rest) in enumerate(self.links, 1)
        ]
        file = shlex.quote(str(self.folder / "held"))
        self.fake("ip", FAKE_IP.format(file=file, links="\n".join(links)))
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
            [sys.executable, "-S", str(self.program), *words],
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
        (self.folder / "held").write_text("".join(f"{line}\n" for line in lines))

    def sync(self, *words: str) -> tuple[int, dict[str, Any]]:
        """One pass."""
        return self.run("sync", *words)
