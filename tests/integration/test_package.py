"""What is deployed: the right files, compiled for good, equal each time, and complete.

pip's part, which needs a network, is replaced: the packages are taken from this environment.
"""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from deploy import package
from deploy.rehearsal import Unfit, perform, rehearse
from handler.cloud.ecs import OPERATIONS
from tests.once import made_once
from tests.packages import copy_installed, locked

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.txt").read_text(encoding="utf-8")
RUNTIME = f"python{sys.version_info[0]}.{sys.version_info[1]}"
# How many modules may be loaded: ours and structlog's by `import index`, and of all packages when
# the function is ready. An addition to these is a decision.
OURS, LOG, READY = 42, 36, 195
# The second field of a .pyc (PEP 552): made from a hash that is not to be checked.
UNCHECKED_HASH = 1


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The locked packages that are needed, as pip would put them into a folder."""
    return made_once(
        tmp_path_factory,
        "packages",
        lambda folder: copy_installed(package.needed(LOCK), folder),
    )


@pytest.fixture(scope="session")
def built(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package for this interpreter."""
    return made_once(
        tmp_path_factory,
        "built",
        lambda folder: package.assemble(packages, folder, sys.executable),
    )


def test_package_works_with_nothing_else_on_the_path(built: Path) -> None:
    """A bare interpreter initialises it, ignores one event and finishes a launch."""
    assert rehearse(built, sys.executable).endswith("4 ENIs assigned")


def of_packages(modules: list[str]) -> list[str]:
    """Modules that are neither of the standard library nor the script's own."""
    known = sys.stdlib_module_names | {"__main__", "index", "handler"}
    return [name for name in modules if name.partition(".")[0] not in known]


def test_import_of_the_entry_loads_the_log_and_no_sdk(built: Path) -> None:
    """`import index` costs our own modules and structlog, no network and no asyncio.

    Of the SDK there is its empty package, because the stand-in for its models belongs to it.
    """
    imported = perform(built, sys.executable)["imported"]
    names = {name.partition(".")[0] for name in of_packages(imported)} - {"typing_extensions"}
    assert names == {"structlog", "alibabacloud_ecs20140526", "msgspec"}
    assert {"asyncio", "ssl", "http", "email"} & set(imported) == set()
    assert len([name for name in imported if name.startswith("handler")]) <= OURS
    assert len(of_packages(imported)) <= LOG


def test_initialised_function_has_loaded_what_a_launch_needs(built: Path) -> None:
    """Of the SDK: the client and the models of four operations; of the rest, what these import."""
    ready = perform(built, sys.executable)["ready"]
    unused = {"aiofiles", "apscheduler", "fc2", "websocket", "asyncio", "charset_normalizer"}
    assert unused & {name.partition(".")[0] for name in ready} == set()
    assert "handler.shell.backfill" not in ready
    prefix = "alibabacloud_ecs20140526.models._"
    assert len([name for name in ready if name.startswith(prefix)]) == 3 * len(OPERATIONS)
    assert len(of_packages(ready)) <= READY


def test_first_event_imports_nothing(built: Path) -> None:
    """What a launch needs is loaded before: the first one finds every module there."""
    seen = perform(built, sys.executable)
    late = set(seen["done"]) - set(seen["ready"])
    assert sorted(name for name in late if not name.startswith("encodings")) == []


def test_package_that_misses_a_module_is_unfit(built: Path, tmp_path: Path) -> None:
    """Trying a package finds out that something was left out that is needed."""
    broken = tmp_path / "build"
    shutil.copytree(built, broken, ignore=shutil.ignore_patterns("websocket"))
    with pytest.raises(Unfit, match="No module named 'websocket'"):
        rehearse(broken, sys.executable)


def test_two_packages_are_equal_byte_for_byte(built: Path, packages: Path, tmp_path: Path) -> None:
    """Built again elsewhere, every file and the archive are the same."""
    again = tmp_path / "again"
    package.assemble(packages, again, sys.executable)
    archives = [tmp_path / "one.zip", tmp_path / "two.zip"]
    for folder, archive in zip((built, again), archives, strict=True):
        package.compress(folder, archive, package.EPOCH)
    assert package.files_in(built) == package.files_in(again)
    assert archives[0].read_bytes() == archives[1].read_bytes()


def test_build_replaces_an_earlier_one(tmp_path: Path) -> None:
    """What is deployed no longer is not left behind; an empty folder is as good as none."""
    packages, out = tmp_path / "packages", tmp_path / "build"
    packages.mkdir()
    out.mkdir()
    package.assemble(packages, out, sys.executable)
    (out / "handler/left_over.py").touch()
    package.assemble(packages, out, sys.executable)
    assert not (out / "handler/left_over.py").exists()


@pytest.mark.parametrize(
    "held",
    [
        ["notes.txt"],
        ["index.py"],
        ["handler/shell/app.py"],
        ["index.py", "handler/shell/app.py", "deploy/package.py"],
    ],
    ids=["files", "an entry only", "a package only", "the project"],
)
def test_folder_that_holds_something_else_is_left_alone(held: list[str], tmp_path: Path) -> None:
    """The folder is named, and what is allowed; nothing in it is touched."""
    for name in held:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    with pytest.raises(package.NotABuild, match=f"--out: {tmp_path} .*empty or not there"):
        package.assemble(tmp_path / "packages", tmp_path, sys.executable)
    assert sorted(held) == package.files_in(tmp_path)


def test_command_refuses_such_a_folder_before_it_installs(tmp_path: Path) -> None:
    """Status 2 and a sentence, no traceback; a file in place of a folder is refused, too."""
    file = tmp_path / "file"
    file.touch()
    command = [
        sys.executable,
        "-m",
        "deploy.package",
        "--runtime",
        "python3.10",
        "--out",
        str(file),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  (ours)
    assert (2, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith(f"--out: {file} would be deleted")
    assert file.exists()


def test_every_module_is_compiled_and_never_compared_with_its_source(built: Path) -> None:
    """Each source has a .pyc that says so, and no path of the machine that built it."""
    sources = {name for name in package.files_in(built) if name.endswith(".py")}
    compiled = [name for name in package.files_in(built) if name.endswith(".pyc")]
    tag = f".{sys.implementation.cache_tag}.pyc"
    assert {name.replace("__pycache__/", "").replace(tag, ".py") for name in compiled} == sources
    contents = [(built / name).read_bytes() for name in compiled]
    assert {int.from_bytes(each[4:8], "little") for each in contents} == {UNCHECKED_HASH}
    assert [
        name for name, each in zip(compiled, contents, strict=True) if str(built).encode() in each
    ] == []


def test_only_what_the_function_needs_is_deployed(built: Path) -> None:
    """No tests, stubs or commands, neither of ours nor of packages; metadata and licences stay."""
    names = package.files_in(built)
    top = {name.partition("/")[0] for name in names}
    assert {"index.py", "handler", "alibabacloud_ecs20140526", "structlog", "fc2"} <= top
    assert top & {"tests", "deploy", "aiohttp", "yarl", "cryptography", "cffi"} == set()
    assert [name for name in names if re.search(r"\.pyi$|/tests/|^bin/|/RECORD$", name)] == []
    assert [name for name in names if re.match(r"handler/(command/|__main__)", name)] == []
    assert any(re.fullmatch(r"requests-.*/METADATA", name) for name in names)
    assert any(re.fullmatch(r"structlog-.*/licenses/LICENSE.*", name) for name in names)


def test_archive_holds_the_files_in_order_with_one_time(tmp_path: Path) -> None:
    """Sorted, readable by all, and dated by SOURCE_DATE_EPOCH; not before ZIP's own beginning."""
    code = tmp_path / "code"
    for name in ("b.py", "a/c.py"):
        (code / name).parent.mkdir(parents=True, exist_ok=True)
        (code / name).write_text("pass\n")
    package.compress(code, tmp_path / "code.zip", 1_700_000_000)
    package.compress(code, tmp_path / "old.zip", 0)
    with (
        zipfile.ZipFile(tmp_path / "code.zip") as new,
        zipfile.ZipFile(tmp_path / "old.zip") as old,
    ):
        assert new.namelist() == ["a/c.py", "b.py"]
        assert {each.date_time for each in new.infolist()} == {(2023, 11, 14, 22, 13, 20)}
        assert {each.date_time for each in old.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        modes = {stat.filemode(each.external_attr >> 16) for each in new.infolist()}
        assert modes == {"-rw-r--r--"}


def test_report_tells_the_sizes_and_what_makes_them(tmp_path: Path) -> None:
    """Of folder and archive, then of the packages, the largest first."""
    code, archive = tmp_path / "build", tmp_path / "code.zip"
    for name, size in (("index.py", 100_000), ("small/a.py", 200_000), ("large/b.py", 3_000_000)):
        (code / name).parent.mkdir(parents=True, exist_ok=True)
        (code / name).write_bytes(b"#" * size)
    archive.write_bytes(b"#" * 1_250_000)
    first, *packages = package.report(code, archive).splitlines()
    assert f"{code}: 3.3 MB; {archive}: 1.2 MB" == first
    assert ["3.0 MB  large", "0.2 MB  small", "0.1 MB  index.py"] == [
        each.strip() for each in packages
    ]


def test_what_is_never_imported_goes_with_what_only_it_needs() -> None:
    """A package stays if anything that stays needs it, or if it is needed directly."""
    lock = """\
aiohttp==1 \\
    --hash=sha256:0
    # via core
core==1 \\
    --hash=sha256:1
    # via function (pyproject.toml)
idna==1
    # via
    #   requests
    #   yarl
requests==1
    # via function (pyproject.toml)
yarl==1 ; python_full_version < '3.13'
    # via aiohttp
speedup==1
    # via yarl
"""
    assert locked(package.needed(lock)) == ["core", "idna", "requests"]


def test_lock_loses_only_what_belongs_to_the_packages_left_out() -> None:
    """Of the real lock, the asynchronous stack and the cryptography are left out."""
    gone = set(locked(LOCK)) - set(locked(package.needed(LOCK)))
    assert gone >= {"aiohttp", "yarl", "multidict", "cryptography", "cffi", "pycparser"}
    assert gone & {"requests", "idna", "websocket-client", "typing-extensions"} == set()


def test_source_only_packages_have_one_archive_in_the_lock() -> None:
    """What is built from its source is exactly what the lock has one file of: no wheel."""
    blocks = re.findall(r"^([a-z0-9-]+)==.*((?:\n[ ].*)*)", LOCK, re.MULTILINE)
    single = [name for name, rest in blocks if rest.count("--hash") == 1]
    assert tuple(single) == package.SOURCE_ONLY


def test_what_builds_packages_is_pinned_with_hashes() -> None:
    """One version of each, and every file that may be taken for it; nothing else comes along."""
    pinned = package.builders((ROOT / "requirements-dev.txt").read_text(encoding="utf-8"))
    assert list(package.BUILDERS) == locked(pinned)
    assert re.search(r"^setuptools==[\d.]+ \\\n    --hash=sha256:[0-9a-f]{64}", pinned)


@pytest.mark.parametrize("name", ["python-that-is-not-there", "sh"])
def test_missing_interpreter_is_told(name: str) -> None:
    """Nothing of that name runs Python: the error names it, what is needed and what to do."""
    with pytest.raises(package.NoInterpreter) as refused:
        package.find_interpreter("python3.12", name)
    told = str(refused.value)
    assert told.startswith(f"{name}: found nothing that runs; python3.12 is needed")
    assert told.endswith("make package RUNTIME=python3.12 INTERPRETER=path")


def test_no_other_interpreter_is_taken_for_the_one_that_is_named(tmp_path: Path) -> None:
    """Though pyenv has one of the same file name, which serves where none is named."""
    there = tmp_path / "versions/3/bin" / RUNTIME
    there.parent.mkdir(parents=True)
    there.symlink_to(sys.executable)
    pyenv = {"PYENV_ROOT": str(tmp_path)}
    with pytest.raises(package.NoInterpreter, match=f"^/nowhere/{RUNTIME}: found nothing"):
        package.find_interpreter(RUNTIME, f"/nowhere/{RUNTIME}", pyenv)
    assert Path(package.find_interpreter(RUNTIME, None, pyenv)).is_file()
    assert str(there) in package.candidates(RUNTIME, pyenv)


def test_interpreter_of_another_version_is_refused() -> None:
    """What it writes would not be read by the runtime."""
    with pytest.raises(package.NoInterpreter, match=f"found {RUNTIME}.*; python2.7 is needed"):
        package.find_interpreter("python2.7", sys.executable)


def test_interpreter_that_is_named_is_found() -> None:
    """A path serves as well as a name."""
    assert Path(package.find_interpreter(RUNTIME, sys.executable)).samefile(sys.executable)
