"""Imports the ECS client without what a launch never touches.

The client brings in 1 150 modules of request and answer models, an asynchronous HTTP stack, a
scheduler, OpenSSL bindings and a WebSocket client, because the SDK imports whatever any of its
operations could need. A function pays for that at every start. No file of the SDK is changed:

- `_Models` is the package of models, except that a model's module is loaded when its name is first
  asked for; for any name that it cannot place, it becomes the whole package.
- `_Deferred` takes the place of a package only while the client is being imported. Whatever is
  used of it later is the real thing, imported then; everybody else's `import` finds the real one.

What is loaded already is left alone, so it does not matter who imported the SDK first.
"""

from __future__ import annotations

import importlib
import sys
import threading
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.machinery import ModuleSpec

MODELS = "alibabacloud_ecs20140526.models"
# What the SDK and structlog import, and when they use it.
DEFERRED = (
    "aiohttp",  # asynchronous calls
    "alibabacloud_credentials.provider",  # the default chain and its scheduler: outside of FC
    "alibabacloud_tea_openapi.websocket_utils",  # operations over WebSockets
    "asyncio",  # asynchronous calls
    "charset_normalizer",  # answers that do not say how they are encoded
    "cryptography.hazmat.primitives",  # RSA signatures
    "cryptography.hazmat.primitives.asymmetric",
    "cryptography.hazmat.primitives.serialization",
    "darabonba.websocket",
    "xml.etree",  # answers in XML
)


class _Models(ModuleType):
    """The package of models, loaded a module at a time."""

    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__(spec.name)
        vars(self).update(vars(module_from_spec(spec)))
        self._lock = threading.RLock()

    @cached_property
    def _homes(self) -> dict[str, str]:
        """The modules of the package, by what the names of their models begin with."""
        files = [path.stem for folder in self.__path__ for path in Path(folder).iterdir()]
        return {stem.replace("_", ""): stem for stem in files}

    def __getattr__(self, name: str) -> Any:
        """Load the module that defines a model: the longest name that the model's begins with."""
        if name.startswith("__"):  # no model: inspect, copy and the like ask so of any module
            raise AttributeError(name)
        start = name.lower()
        while start and start not in self._homes:
            start = start[:-1]
        if start:
            defined = vars(importlib.import_module(f"{self.__name__}.{self._homes[start]}"))
            if name in defined:
                setattr(self, name, defined[name])
                return defined[name]
        return self._from_the_whole(name)

    def _from_the_whole(self, name: str) -> Any:
        """Become an ordinary module with everything in it, then look again."""
        with self._lock:
            if isinstance(self, _Models):
                self.__spec__.loader.exec_module(self)  # type: ignore[union-attr]
                self.__class__ = ModuleType  # type: ignore[assignment]
        return getattr(self, name)


class _Deferred(ModuleType):
    """A package that is not imported yet. Names taken from it now are put off as well."""

    importing = True

    def __getattr__(self, name: str) -> Any:
        """A name for later while the client is being imported; then the real one's attribute."""
        later = _Later(self.__name__, name)
        if not self.importing:
            return later.real()
        if name == "__version__":
            from importlib.metadata import version  # noqa: PLC0415  (urllib3 loads it anyway)

            return version(self.__name__)
        if name.startswith("__"):
            raise AttributeError(name)
        return later


class _Later:
    """A name of a package that is not imported yet; calling it, or looking inside, imports it."""

    def __init__(self, module: str, name: str) -> None:
        self._where = module, name

    def real(self) -> Any:
        module, name = self._where
        found = importlib.import_module(module)
        if not hasattr(found, name):
            return importlib.import_module(f"{module}.{name}")
        return getattr(found, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.real()(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real(), name)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self.real())

    def __mro_entries__(self, _bases: tuple[type, ...]) -> tuple[type, ...]:
        return (self.real(),)


@contextmanager
def deferred_imports() -> Iterator[None]:
    """Import the client inside of this."""
    if MODELS not in sys.modules and (spec := find_spec(MODELS)) is not None:
        sys.modules[MODELS] = _Models(spec)
    deferred = {name: _Deferred(name) for name in DEFERRED if name not in sys.modules}
    sys.modules.update(deferred)
    try:
        yield
    finally:
        for name, module in deferred.items():
            module.importing = False
            del sys.modules[name]
