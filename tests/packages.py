"""The installed packages as a folder, as pip would fill one: no network is needed for it."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
from pathlib import Path


def locked(lock: str) -> list[str]:
    """The names of the packages in a lock."""
    return re.findall(r"^([a-z0-9-]+)(?:\[.*\])?==", lock, re.MULTILINE)


def copy_installed(lock: str, folder: Path) -> Path:
    """Copy the packages of a lock out of this environment, compiled files and times included."""
    for name in locked(lock):
        try:
            files = importlib.metadata.files(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # not for this version of Python
        for file in files:
            # What two packages both bring is gone when one of them was replaced.
            found = Path(str(file.locate()))
            if ".." not in file.parts and found.exists():
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(found, folder / file)
    return folder
