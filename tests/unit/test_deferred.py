"""The stand-ins of `handler.cloud.deferred`: nothing is missing, and the real things are used."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.testing import LocalCloud
from localcloud.world import DEFAULT_KEY
from tests import fresh

# How the function imports the client.
LEAN = """
import json, sys
from handler.cloud.deferred import deferred_imports
with deferred_imports():
    from alibabacloud_ecs20140526.client import Client
from alibabacloud_ecs20140526 import models
"""
UNUSED = ("aiofiles", "aiohttp", "apscheduler", "cryptography", "fc2", "websocket")
# The names that the package of models exports, with the modules that define them.
EXPORTS = """
import ast
from pathlib import Path
tree = ast.parse(Path(models.__file__).read_text())
imports = [each for each in tree.body if isinstance(each, ast.ImportFrom) and each.level]
exports = {name.name: each.module for each in imports for name in each.names}
"""


def said(script: str, **environ: str) -> Any:
    """What a script prints as JSON in a fresh interpreter."""
    return fresh.said(script, {"ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAIexample", "PATH": ""} | environ)


def test_client_is_imported_without_what_it_does_not_use() -> None:
    """Neither the models nor the packages that a launch does not need are loaded with it."""
    loaded = said(LEAN + "print(json.dumps(list(sys.modules)))")
    assert [name for name in loaded if name.partition(".")[0] in UNUSED] == []
    assert [name for name in loaded if name.startswith("alibabacloud_ecs20140526.models.")] == []


def test_every_model_is_found_in_the_module_that_defines_it() -> None:
    """Each of the 2 000 names is loaded by itself, from where the whole package has it."""
    checked = """
homes = {name: getattr(models, name).__module__.rpartition(".")[2] for name in exports}
wrong = [name for name in exports if homes[name] != exports[name]]
print(json.dumps([len(exports) > 2000, wrong, type(models).__name__]))
"""
    assert said(LEAN + EXPORTS + checked) == [True, [], "_Models"]


def test_unknown_model_is_an_attribute_error() -> None:
    """A name that no module has is refused by the whole package, as without a stand-in."""
    asked = """
known = models.DescribeInstancesRequest
try:
    models.DescribeNothingRequest
except AttributeError as error:
    print(json.dumps([str(error), type(models).__name__, sorted(set(exports) - set(vars(models))),
                      models.DescribeInstancesRequest is known]))
"""
    refused = "module 'alibabacloud_ecs20140526.models' has no attribute 'DescribeNothingRequest'"
    assert said(LEAN + EXPORTS + asked) == [refused, "module", [], True]


@pytest.mark.parametrize("name", ["__wrapped__", "__test__"])
def test_question_of_a_tool_loads_nothing(name: str) -> None:
    """What `inspect` and others ask of any module is answered without the 1 150 modules."""
    asked = f"print(json.dumps([hasattr(models, {name!r}), type(models).__name__]))"
    assert said(LEAN + asked) == [False, "_Models"]


def test_asynchronous_call_is_made_by_the_real_aiohttp() -> None:
    """An asynchronous call works, and loads aiohttp; nothing did before."""
    call = """
import asyncio
from alibabacloud_tea_openapi.models import Config
keys = dict(access_key_id={0!r}, access_key_secret={1!r})
client = Client(Config(endpoint={2!r}, protocol="HTTP", region_id="cn-hangzhou", **keys))
before = "aiohttp" in sys.modules
request = models.DescribeNetworkInterfacesRequest(region_id="cn-hangzhou")
answer = asyncio.run(client.describe_network_interfaces_async(request))
print(json.dumps([before, answer.status_code, sys.modules["aiohttp"].__file__ is not None]))
"""
    with LocalCloud() as cloud:
        script = call.format(DEFAULT_KEY.id, DEFAULT_KEY.secret, cloud.address)
        assert said(LEAN + script) == [False, 200, True]


def test_default_chain_is_the_real_one() -> None:
    """Without keys of its own the function asks the chain of alibabacloud_credentials."""
    asked = """
from handler.cloud.credentials import RoleCredentials
before = "apscheduler" in sys.modules
found = RoleCredentials({}).get_credentials()
print(json.dumps([before, "apscheduler" in sys.modules, type(found).__module__]))
"""
    real = "alibabacloud_credentials.provider.refreshable"
    assert said(LEAN + asked, ALIBABA_CLOUD_ACCESS_KEY_SECRET="s") == [False, True, real]


def test_client_of_the_sdk_own_providers_is_the_real_one() -> None:
    """Names that were taken from a package before it was imported work as the real ones do."""
    asked = """
from alibabacloud_credentials.client import Client as Credential
from alibabacloud_credentials.models import Config
credential = Credential(Config(type="access_key", access_key_id="a", access_key_secret="b"))
print(json.dumps([credential.get_access_key_id(), credential.get_access_key_secret()]))
"""
    assert said(LEAN + asked) == ["a", "b"]


def test_rsa_signature_is_made_by_the_real_cryptography() -> None:
    """A signature with a key pair, which the function never makes, can be verified."""
    asked = """
from alibabacloud_tea_openapi import utils
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
key = rsa.generate_private_key(65537, 2048)
pem = key.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
signature = utils.rsa_sign(b"text", pem.decode().strip())
key.public_key().verify(signature, b"text", padding.PKCS1v15(), hashes.SHA256())
print(json.dumps("verified"))
"""
    assert said(LEAN + asked) == "verified"


def test_name_taken_early_serves_as_a_class() -> None:
    """A name for later answers isinstance and can be inherited from, as the class itself."""
    asked = """
from darabonba.response import ClientResponse as early
from aiohttp import ClientResponse
class Answer(early):
    pass
answer = Answer.__new__(Answer)
print(json.dumps([ClientResponse in Answer.__mro__, isinstance(answer, early),
                  isinstance("", early), early.__name__]))
"""
    assert said(LEAN + asked) == [True, True, False, "ClientResponse"]


def test_sdk_uses_the_real_thing_afterwards() -> None:
    """What the SDK looks up in a stand-in later is the real one's, exceptions included."""
    asked = """
import darabonba.core
early = darabonba.core.aiohttp.ClientError
import aiohttp
print(json.dumps([early is aiohttp.ClientError, darabonba.core.aiohttp is not aiohttp]))
"""
    assert said(LEAN + asked) == [True, True]


@pytest.mark.parametrize("name", ["aiohttp", "cryptography.hazmat.primitives", "websocket"])
def test_others_import_the_real_thing(name: str) -> None:
    """No stand-in is left where other code imports from."""
    asked = f"import {name}; print(json.dumps(type(sys.modules[{name!r}]).__name__))"
    assert said(LEAN + asked) == "module"


def test_sdk_that_is_imported_already_is_left_alone() -> None:
    """Where somebody imported the SDK first, its modules stay what they are."""
    first = """
import aiohttp, alibabacloud_ecs20140526.models as before, sys
"""
    asked = """
import darabonba.core
found = sys.modules["alibabacloud_ecs20140526.models"]
print(json.dumps([models is found is before, darabonba.core.aiohttp is aiohttp]))
"""
    assert said(first + LEAN + asked) == [True, True]
