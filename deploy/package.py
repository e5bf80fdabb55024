"""Builds what is deployed: `python -m deploy.package --runtime python3.10`.

It holds `index.py`, `handler/` and the locked dependencies beside them. The code folder of Function
Compute is read-only, so every module is compiled here, by the runtime's own minor version, into
`.pyc` files that are never compared with their sources (PEP 552, unchecked-hash): no unpacking or
copying can make them stale. Two builds from the same lock are equal, byte for byte.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.rehearsal import rehearse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).parents[1]
RUNTIMES = ("python3.10", "python3.12")
PLATFORM = "manylinux2014_x86_64"
# Of these PyPI has no wheel. They are plain Python, so that pip can build one on any machine. Their
# archives are checked against the lock, and so is what builds them.
SOURCE_ONLY = ("alibabacloud-tea", "aliyun-fc2")
BUILDERS = ("setuptools",)
# Never imported by the function: handler/cloud/deferred.py puts their imports off. What only
# they need is left out with them.
NEVER_IMPORTED = {
    "aiohttp": "asynchronous calls; the function makes none",
    "cryptography": "RSA signatures; the function signs with HMAC",
}
# Files of the packages, as patterns of their paths: the first that fits decides.
KEPT = ("*.dist-info/METADATA", "*.dist-info/entry_points.txt", "*.dist-info/licenses/*")
LEFT_OUT = {
    "*.dist-info/*": "what pip keeps to uninstall; metadata and licences stay",
    "bin/*": "commands",
    "*/tests/*": "tests",
    "*.pyi": "types, for checkers",
    "*/py.typed": "types, for checkers",
    "*/__pycache__/*": "compiled by another interpreter",
}
# Where Function Compute unpacks the code: tracebacks name files there.
CODE = "/code"
# The earliest time that a ZIP archive can hold (APPNOTE.TXT 4.4.6).
EPOCH = 315_532_800


class NotABuild(Exception):
    """The folder to be replaced holds something else than a build."""


class NoInterpreter(Exception):
    """No interpreter of the runtime's minor version answers."""


def main() -> int:
    """Build, compress, try, and say how large it is."""
    wanted = arguments()
    try:
        check_replaceable(wanted.out)
        interpreter = find_interpreter(wanted.runtime, wanted.interpreter)
    except (NotABuild, NoInterpreter) as refused:
        sys.stderr.write(f"{refused}\n")
        return 2
    build(wanted.out, interpreter, wanted.runtime)
    archive = wanted.archive or ROOT / f"dist/secondary-ips-{wanted.runtime}.zip"
    compress(wanted.out, archive, int(os.environ.get("SOURCE_DATE_EPOCH", EPOCH)))
    print(report(wanted.out, archive), flush=True)  # noqa: T201  (a command)
    print(rehearse(wanted.out, interpreter))  # noqa: T201  (a command)
    return 0


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m deploy.package")
    parser.add_argument("--runtime", choices=RUNTIMES, default=RUNTIMES[0])
    parser.add_argument("--interpreter", help="of the runtime's minor version, if not on PATH")
    parser.add_argument("--out", type=Path, default=ROOT / "build", help="replaced by the build")
    parser.add_argument("--archive", type=Path, help="default: dist/secondary-ips-<runtime>.zip")
    return parser.parse_args()


def find_interpreter(
    runtime: str, given: str | None = None, environ: Mapping[str, str] = os.environ
) -> str:
    """The path of an interpreter that can compile for a runtime ("python3.12").

    Args:
        runtime: whose minor version is needed.
        given: the one that is meant, as a path or a name: no other is taken in its place.
        environ: PYENV_ROOT is where pyenv keeps its versions.

    Raises:
        NoInterpreter: there is none, or it is of another minor version.
    """
    names = candidates(runtime, environ) if given is None else [given]
    found = [said for each in names if (said := asked(each))]
    for said in found:
        version, _, path = said.partition(" ")
        if version == runtime:
            return path
    raise NoInterpreter(
        f"{given or runtime}: found {', '.join(found) or 'nothing that runs'}; {runtime} is "
        "needed, because .pyc files are read only by the minor version that wrote them. Install "
        f"it, or name one: make package RUNTIME={runtime} INTERPRETER=path"
    )


def candidates(runtime: str, environ: Mapping[str, str]) -> list[str]:
    """Where to look: pyenv's commands answer only for chosen versions, but all have a folder."""
    versions = Path(environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    return [runtime, *map(str, sorted(versions.glob(f"*/bin/{runtime}")))]


def asked(name: str) -> str:
    """What an interpreter says that it is, version and path; nothing if there is none."""
    question = "import sys; print('python%d.%d' % sys.version_info[:2], sys.executable)"
    path = shutil.which(name)
    if path is None:
        return ""
    said = subprocess.run(  # noqa: S603  (the interpreter that was asked for)
        [path, "-I", "-c", question], capture_output=True, text=True, check=False
    )
    return said.stdout.strip()


def build(out: Path, interpreter: str, runtime: str) -> None:
    """Put everything that is deployed into `out`, in place of what is there."""
    with tempfile.TemporaryDirectory() as scratch:
        packages, lock = Path(scratch) / "packages", Path(scratch) / "requirements.txt"
        lock.write_text(needed((ROOT / "requirements.txt").read_text()))
        install(lock, packages, interpreter, runtime)
        assemble(packages, out, interpreter)


def assemble(packages: Path, out: Path, interpreter: str) -> None:
    """Put our code and a folder of installed packages together, and compile them.

    Raises:
        NotABuild: there is something else than a build in `out`; it is left alone.
    """
    check_replaceable(out)
    shutil.rmtree(out, ignore_errors=True)
    copy(ROOT, own_files(), out)  # first, so that half a build is known for one
    copy(packages, package_files(packages), out)
    compile_all(out, interpreter)


def check_replaceable(out: Path) -> None:
    """See that nothing is lost if `out` is replaced.

    Raises:
        NotABuild: it is neither absent, nor empty, nor a build.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    is_build = (out / "index.py").is_file() and (out / "handler").is_dir()
    if not is_build or (out / "deploy").exists():  # the project itself has all three
        raise NotABuild(
            f"--out: {out} would be deleted and is no earlier build; name a folder that is empty "
            "or not there yet"
        )


def needed(lock: str) -> str:
    """The lock without what is never imported, and without what only that needs."""
    blocks = re.findall(r"^[a-z].*(?:\n[ ].*)*", lock, re.MULTILINE)
    users = {_name(block): set(re.findall(r"# +(?:via )?([\w-]+)", block)) for block in blocks}
    gone = set(NEVER_IMPORTED)
    while more := {name for name, by in users.items() if by - {"via"} <= gone} - gone:
        gone |= more
    return "\n".join(block for block in blocks if _name(block) not in gone) + "\n"


def _name(block: str) -> str:
    return block.partition("==")[0]


def builders(lock: str) -> str:
    """The lock of what builds the packages without a wheel, out of the one for development."""
    blocks = re.findall(r"^[a-z].*(?:\n[ ].*)*", lock, re.MULTILINE)
    return "\n".join(block for block in blocks if _name(block) in BUILDERS) + "\n"


def install(lock: Path, target: Path, interpreter: str, runtime: str) -> None:
    """Let pip put the locked packages for the runtime into a folder, each checked by its hash.

    The runtime's interpreter runs it, because pip judges markers by the one that it runs on. What
    builds packages is put into a folder of its own before: pip would fetch the latest for itself.
    """
    with tempfile.TemporaryDirectory() as scratch:
        tools = Path(scratch) / "tools"
        pinned = Path(scratch) / "builders.txt"
        pinned.write_text(builders((ROOT / "requirements-dev.txt").read_text()))
        _pip(interpreter, "-r", str(pinned), "--target", str(tools), "--only-binary", ":all:")
        where = ["--platform", PLATFORM, "--python-version", runtime.removeprefix("python")]
        how = ["--implementation", "cp", "--only-binary", ":all:", "--no-build-isolation"]
        source = ["--no-binary", ",".join(SOURCE_ONLY)]
        what = ["-r", str(lock), "--target", str(target)]
        _pip(interpreter, *what, *where, *how, *source, path=str(tools))


def _pip(interpreter: str, *arguments: str, path: str = "") -> None:
    """Install exactly what a lock names, checked by its hashes."""
    pip = [sys.executable, "-m", "pip", "--python", interpreter, "install", "--quiet"]
    exactly = ["--require-hashes", "--no-deps", "--no-compile"]
    calm = ["--no-warn-script-location", "--root-user-action", "ignore"]
    subprocess.run(  # noqa: S603  (pip)
        [*pip, *exactly, *calm, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        check=True,
    )


def package_files(packages: Path) -> list[str]:
    """Which files of the packages are deployed."""
    built = tuple(f"{name.replace('-', '_')}-*.dist-info/*" for name in SOURCE_ONLY)
    return [
        name
        for name in files_in(packages)
        # What is built here describes itself in the words of whichever setuptools built it.
        if not _fits(name, built) and (_fits(name, KEPT) or not _fits(name, LEFT_OUT))
    ]


def own_files() -> list[str]:
    """Which files of ours are deployed."""
    ours = ["index.py", *(f"handler/{name}" for name in files_in(ROOT / "handler"))]
    return [name for name in ours if name.endswith(".py")]


def files_in(folder: Path) -> list[str]:
    """The paths of all files, relative and in one order on every machine."""
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def copy(folder: Path, names: Iterable[str], out: Path) -> None:
    """Copy the named files, nothing but their contents."""
    for name in names:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / name, out / name)


def compile_all(out: Path, interpreter: str) -> None:
    """Compile every module. The order of sets is fixed, since constants can hold some."""
    how = ["-q", "--invalidation-mode", "unchecked-hash", "-s", str(out), "-p", CODE]
    subprocess.run(  # noqa: S603  (the runtime's interpreter)
        [interpreter, "-m", "compileall", *how, str(out)],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        check=True,
    )


def compress(out: Path, archive: Path, epoch: int) -> None:
    """Write the archive: the same bytes for the same files."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    then = time.gmtime(max(epoch, EPOCH))[:6]
    with zipfile.ZipFile(archive, "w") as file:
        for name in files_in(out):
            entry = zipfile.ZipInfo(name, then)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16  # Unix, rw-r--r--
            file.writestr(entry, (out / name).read_bytes(), zipfile.ZIP_DEFLATED, 9)


def report(out: Path, archive: Path) -> str:
    """How large it is, and which packages make it so."""
    sizes: dict[str, int] = {}
    for name in files_in(out):
        top = name.partition("/")[0]
        sizes[top] = sizes.get(top, 0) + (out / name).stat().st_size
    lines = [f"{out}: {_mb(sum(sizes.values()))}; {archive}: {_mb(archive.stat().st_size)}"]
    largest = sorted(sizes, key=lambda top: -sizes[top])[:6]
    return "\n".join([*lines, *(f"  {_mb(sizes[top]):>8}  {top}" for top in largest)])


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


if __name__ == "__main__":
    sys.exit(main())
