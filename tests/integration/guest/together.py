"""A guest, the program in it, and the function outside, on one machine: who hears whom, and when.

`python -m tests.integration.guest.together` makes network namespaces that end with it: one for the
function and the local cloud, in which an address of the vSwitch stands on one end of a veth, and
one for the guest, which has the other end and a hardened metadata service. The service shows what
the local cloud holds, two seconds late. First a launch is delivered to a guest without the program,
then one to the same guest with it; then its network is reloaded, which loses the addresses, and a
backfill asks whether it is heard again. The last line on stdout is a JSON object.

systemd-networkd manages the guest's interface where it is installed. It takes links for ready when
it cannot ask udev, which a /sys that is read-only tells it. Elsewhere the interface is set up by
hand, and a reload is played by taking the addresses away.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any

from handler.core.settings import read_settings
from handler.shell.app import App
from handler.shell.probe import connect_to
from tests.integration.guest.program import PROGRAM
from tests.stage import environment
from tests.worlds import REGION, hook_event, instance, running_event, world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from handler.core.guests import Heard

ROOT = Path(__file__).parents[3]
GUEST, MAC, METADATA = "guest", "00:16:3e:00:00:01", "100.100.100.200"
CIDR, FUNCTION = "10.77.0.0/24", "10.77.0.253/24"
INSIDE = ("ip", "netns", "exec", GUEST)
MONITOR = ("ip", "-4", "-o", "monitor", "address")
MANAGER, NETIF = Path("/lib/systemd/systemd-networkd"), Path("/run/systemd/netif")
# Nothing listens there: a guest that is up refuses.
PORT = 22
LATE = 2.0
CALLS = {
    "ECS has assigned": "AssignPrivateIpAddresses",
    "the hook is completed": "CompleteLifecycleAction",
}
FEW, MANY = 2, 8
# Seconds that each launch waits for its guests.
BRIEF, LONG = 5, 60


@dataclass
class Times:
    """When something was first so, seconds since the event."""

    began: float = field(default_factory=time.time)
    found: dict[str, float] = field(default_factory=dict)

    def note(self, what: str, at: float | None = None) -> None:
        """It is so now, or was at a time."""
        now = time.time() if at is None else at
        self.found.setdefault(what, now - self.began)


@dataclass(frozen=True)
class Told:
    """What came of a launch.

    Attributes:
        guest, silent: as its record says.
        added: how many addresses were assigned.
        hook: what Auto Scaling was told; None without a hook.
        times: of what happened meanwhile.
        lost: how many secondary addresses the reload took from the guest's interface.
    """

    guest: str | None
    silent: int
    added: int
    hook: str | None
    times: dict[str, float]
    lost: int = 0


def why_not() -> str | None:
    """Why no namespaces can be made here; None where they can."""
    if not sys.platform.startswith("linux"):
        return "network namespaces are Linux's"
    if missing := [each for each in ("unshare", "ip", "mount") if not shutil.which(each)]:
        return f"{missing[0]} is not installed"
    trial = (
        "mount -t tmpfs tmpfs /run && ip link set lo up && ip netns add trial && "
        "ip link add fn0 type veth peer name eth0 netns trial"
    )
    done = subprocess.run(  # noqa: S603
        ["unshare", "--net", "--mount", "sh", "-c", trial],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return f"no namespaces: {done.stderr.strip()}" if done.returncode else None


def run(text: str) -> str:
    """A command of the system; what it complains of goes to stderr if it fails."""
    done = subprocess.run(  # noqa: S603
        text.split(), check=False, capture_output=True, text=True, timeout=60
    )
    if done.returncode:
        print(done.stderr, file=sys.stderr)  # noqa: T201
        done.check_returncode()
    return done.stdout


@contextlib.contextmanager
def started(
    *words: str, stdout: int | IO[str] = subprocess.PIPE
) -> Iterator[subprocess.Popen[str]]:
    """A program that runs meanwhile; it is asked to end, and must."""
    with subprocess.Popen(words, cwd=ROOT, stdout=stdout, text=True) as process:  # noqa: S603
        try:
            yield process
        finally:
            process.terminate()
            process.wait(20)


def wire() -> None:
    """A namespace for the guest, and a veth that joins the two."""
    run("mount -t tmpfs -o mode=755 tmpfs /run")  # nobody else's namespaces and state
    run("ip link set lo up")
    run(f"ip netns add {GUEST}")
    run(f"ip link add fn0 type veth peer name eth0 address {MAC} netns {GUEST}")
    run(f"ip addr add {FUNCTION} dev fn0")
    run("ip link set fn0 up")


@contextlib.contextmanager
def booted(primary: str) -> Iterator[Callable[[], None]]:
    """What an image does by itself; gives what reloads its network."""
    run(f"ip -n {GUEST} link set lo up")
    run(f"ip -n {GUEST} addr add {METADATA}/32 dev lo")
    if MANAGER.exists() and all(map(shutil.which, ("networkctl", "dbus-daemon"))):
        with managed(primary) as reload:
            yield reload
        return
    run(f"ip -n {GUEST} link set eth0 up")
    run(f"ip -n {GUEST} addr add {primary}/24 dev eth0")

    def take_away() -> None:
        for address in up():
            run(f"ip -n {GUEST} addr del {address} dev eth0")

    yield take_away


@contextlib.contextmanager
def managed(primary: str) -> Iterator[Callable[[], None]]:
    """The guest's interface under systemd-networkd; gives what reloads it with a changed file."""
    file = Path("/run/systemd/network/10-eth0.network")
    for folder in (file.parent, *(NETIF / each for each in ("links", "leases", "lldp"))):
        folder.mkdir(parents=True)
    Path("/run/dbus").mkdir()
    run(f"chown -R systemd-network {NETIF}")
    file.write_text(
        f"[Match]\nName=eth0\n[Network]\nLinkLocalAddressing=no\nAddress={primary}/24\n"
    )
    read_only = f"mount -o remount,ro /sys && exec {MANAGER}"
    with (
        started(*INSIDE, "dbus-daemon", "--system", "--nofork", "--nopidfile"),
        started(*INSIDE, "sh", "-c", read_only),
    ):
        until(lambda: f"{primary}/24" in run(f"ip -n {GUEST} -4 -o addr show dev eth0"))

        def reload() -> None:
            file.write_text(file.read_text() + "DNS=100.100.2.136\n")
            run(" ".join((*INSIDE, "networkctl", "reload")))

        yield reload


def until(so: Callable[[], bool], seconds: float = 60) -> bool:
    """Wait until something is so, but not for ever."""
    end = time.time() + seconds
    while not (found := so()) and time.time() < end:
        time.sleep(0.05)
    return found


class Cloud:
    """The local cloud, running; and the metadata service's file, which follows it."""

    def __init__(self, url: str, file: Path) -> None:
        self.url = url
        self._file = file
        self._seen: list[tuple[float, list[str]]] = []
        self.over = threading.Event()
        self.follow()

    def ask(self, page: str) -> Any:
        """What its control pages say."""
        with urllib.request.urlopen(f"{self.url}/_localcloud/{page}") as answer:  # noqa: S310
            return json.load(answer)

    @property
    def eni(self) -> Mapping[str, Any]:
        """The one ENI."""
        found: Mapping[str, Any] = self.ask("state")["instances"][0]["enis"][0]
        return found

    def called(self, action: str, since: float) -> list[float]:
        """When an action was called."""
        calls = self.ask(f"calls?action={action}")
        return [call["time"] for call in calls if call["time"] >= since]

    def follow(self) -> None:
        """Show in the guest what the ENI held a moment ago."""
        now, eni = time.time(), self.eni
        self._seen.append((now, [eni["primary"], *eni["secondary"]]))
        late = [ips for at, ips in self._seen if at <= now - LATE] or [self._seen[0][1]]
        listing = {"enis": [{"mac": MAC, "id": eni["id"], "ips": late[-1]}]}
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(listing))
        new.replace(self._file)

    def keep_following(self) -> None:
        """Until it is over."""
        while not self.over.wait(0.1):
            self.follow()


def up() -> list[str]:
    """The secondary addresses that the guest's interface holds, as it shows them."""
    return re.findall(r" inet (\S+/32) ", run(f"ip -n {GUEST} -4 -o addr show dev eth0"))


@contextlib.contextmanager
def watched(times: Times, target: int) -> Iterator[None]:
    """Notes when the guest's interface holds as many addresses."""
    over = threading.Event()

    def look() -> None:
        if len(up()) >= target:
            times.note("the guest's interface holds them")

    def watch() -> None:
        while not over.wait(0.05):
            look()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    yield
    over.set()
    watcher.join()
    look()


def handled(cloud: Cloud, event: object, times: Times, **settings: str) -> dict[str, Any]:
    """What the function says to an event; notes when it asks the guest, and hears it."""

    def knock(addresses: Sequence[str], port: int, seconds: float) -> Heard:
        times.note("the guest is asked first")
        heard = connect_to(addresses, port, seconds)
        if heard.answered.issuperset(addresses):
            times.note("the guest has answered on all")
        return heard

    environ = environment(cloud.url, **settings)
    app = App(read_settings(environ), environ, knock=knock)
    function = SimpleNamespace(name="secondary-ips", timeout=300, memory=256)
    context = SimpleNamespace(request_id="together", function=function, region=REGION)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.closing(app):
        return app.handle(json.dumps(event).encode(), context)


def deliver(cloud: Cloud, event: object, target: int, seconds: int) -> Told:
    """Deliver an event to the function, and watch."""
    times = Times()
    settings = {
        "TARGET_SECONDARY_IPS": f"{target}",
        "GUEST_PORT": f"{PORT}",
        "GUEST_SECONDS": f"{seconds}",
        "ON_SILENT": "short",
        "SETTLE_SECONDS": "2",
    }
    with watched(times, target):
        result = handled(cloud, event, times, **settings)
    for what, action in CALLS.items():
        for at in cloud.called(action, times.began):
            times.note(what, at)
    (row,) = result["enis"]
    hook = result["lifecycle"] and result["lifecycle"]["result"]
    in_order = dict(sorted(times.found.items(), key=lambda item: item[1]))
    return Told(row["guest"], len(row["silent"]), len(row["addresses"]), hook, in_order)


def lose(cloud: Cloud, reload: Callable[[], None], folder: Path) -> Told:
    """Reload the guest's network; ask when the addresses are back, or a minute has passed."""
    seen, times = folder / "monitor", Times()

    def lost() -> int:
        return len(set(re.findall(r"^Deleted .* inet (\S+/32) ", seen.read_text(), re.M)))

    with seen.open("w") as file, started(*INSIDE, *MONITOR, stdout=file):
        time.sleep(0.5)
        times.note("the network is reloaded")
        reload()
        until(lambda: bool(lost()))
        until(lambda: len(up()) >= MANY)
        times.note("the guest's interface holds them again")
    told = deliver(cloud, {"backfill": {"all": True, "ask_guests": True}}, MANY, LONG)
    return replace(told, times=times.found, lost=lost())


def play(folder: Path) -> dict[str, Any]:
    """Both launches, and what comes after."""
    wire()
    file, shape = folder / "metadata.json", folder / "world.json"
    shape.write_text(json.dumps(world(instance("a"), cidr=CIDR)))
    python = sys.executable
    with started(python, "-m", "localcloud", "--port", "0", "--world", f"{shape}") as local:
        assert local.stdout is not None
        cloud = Cloud(json.loads(local.stdout.readline())["listening"], file)
        following = threading.Thread(target=cloud.keep_following, daemon=True)
        following.start()
        metadata = (python, "-m", "tests.integration.guest.metadata", "80", f"{file}")
        with booted(cloud.eni["primary"]) as reload, started(*INSIDE, *metadata):
            before = deliver(cloud, running_event("i-a"), FEW, BRIEF)
            with started(*INSIDE, python, str(PROGRAM), "watch"):
                after = deliver(cloud, hook_event("i-a"), MANY, LONG)
                again = lose(cloud, reload, folder)
        cloud.over.set()
        following.join()
    return {"before": asdict(before), "after": asdict(after), "again": asdict(again)}


def main() -> None:
    """Run it in a namespace of its own, or say why not."""
    if sys.argv[1:] != ["inside"]:
        if reason := why_not():
            raise SystemExit(reason)
        command = ["unshare", "--net", "--mount", sys.executable, "-m", __spec__.name, "inside"]
        os.execvp(command[0], command)  # noqa: S606
    with tempfile.TemporaryDirectory() as folder:
        json.dump(play(Path(folder)), sys.stdout)


if __name__ == "__main__":
    main()
