"""How the SDK's requests travel: whom they trust, and how often that is loaded."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import requests
from darabonba.core import DaraCore
from requests.adapters import HTTPAdapter

from handler.cloud.transport import share_tls_context
from localcloud.certificate import read_certificate
from localcloud.testing import LocalCloud
from tests.certificate import self_signed
from tests.fresh import said
from tests.stage import environment

if TYPE_CHECKING:
    from pathlib import Path

# One read of the function's own client: what came of it, and how many TLS contexts there are.
READ = """
import gc, json, os, ssl
from handler.cloud.deferred import deferred_imports
with deferred_imports():
    from handler.cloud.connect import Connector
from handler.cloud.ports import EniQuery
from handler.core.errors import CloudFault
from handler.core.settings import read_settings
cloud = Connector(read_settings(os.environ).endpoints, os.environ).cloud("cn-hangzhou")
said = []
for read in (
    lambda: cloud.ecs.network_interfaces(EniQuery(ids=("eni-1",))).items,
    lambda: cloud.ess.scaling_instances("asg-1").items,
):
    try:
        said.append(list(read()))
    except CloudFault as fault:
        said.append([fault.code, fault.message])
contexts = [each for each in gc.get_objects() if isinstance(each, ssl.SSLContext)]
print(json.dumps([said, len(contexts)]))
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own authority, and its key."""
    return self_signed(tmp_path_factory.mktemp("certificate"))


def read(*clouds: LocalCloud, **environ: str) -> Any:
    """What a fresh process says of a read of ECS at the first cloud, and of ESS at the last."""
    settings = environment(clouds[0].url) | {"ESS_ENDPOINT": clouds[-1].url}
    return said(READ, {"PATH": os.environ["PATH"], **settings, **environ})


def test_authorities_of_the_system_are_trusted(files: tuple[Path, Path]) -> None:
    """One context, with the system's authorities in it, serves the hosts of all services."""
    context = read_certificate(*files)
    with LocalCloud(certificate=context) as ecs, LocalCloud(certificate=context) as ess:
        said, contexts = read(ecs, ess, SSL_CERT_FILE=str(files[0]))
    assert ([[], []], 1) == (said, contexts)


def test_others_are_not_trusted(files: tuple[Path, Path]) -> None:
    """A host whose certificate nobody vouches for gets no request."""
    with LocalCloud(certificate=read_certificate(*files)) as cloud:
        said, _ = read(cloud)
        assert [] == cloud.calls()
    assert ["no_answer", "no_answer"] == [code for code, _ in said]


def test_plain_http_needs_no_context() -> None:
    """Nothing is loaded that is not used."""
    with LocalCloud() as cloud:
        said, contexts = read(cloud)
    assert ([[], []], 0) == (said, contexts)


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:1", "https://127.0.0.1:1"])
def test_a_proxy_leads_to_hosts_that_requests_trusts(proxy: str) -> None:
    """Those of `certifi`, as ever: no context of the SDK's own is used through a proxy."""
    share_tls_context()
    ours, plain = (
        _trusting(adapter, proxy) for adapter in (DaraCore.get_adapter("HTTPS"), HTTPAdapter())
    )
    assert plain == ours


def _trusting(adapter: HTTPAdapter, proxy: str) -> tuple[object, ...]:
    """How a connection through a proxy is verified, and by which authorities."""
    request = requests.Request("GET", "https://ecs.example/").prepare()
    pool: Any = adapter.get_connection_with_tls_context(
        request, verify=True, proxies={"https": proxy}
    )
    adapter.cert_verify(pool, "https://ecs.example/", verify=True, cert=None)
    return pool.cert_reqs, pool.ca_certs, pool.conn_kw.get("ssl_context")


DEAD_PROXY = "http://someone:hush-hush@127.0.0.1:1"


@pytest.mark.parametrize("exception", ["127.0.0.1", "localhost,127.0.0.1", "*"])
def test_a_host_that_is_excepted_is_reached_without_the_proxy(exception: str) -> None:
    """NO_PROXY counts for the function's calls as for any program's."""
    with LocalCloud() as cloud:
        said, _ = read(cloud, HTTP_PROXY=DEAD_PROXY, NO_PROXY=exception)
    assert [[], []] == said


def test_a_failure_names_the_proxy_and_no_password() -> None:
    """Whoever reads the record sees where the call went."""
    with LocalCloud() as cloud:
        said, _ = read(cloud, HTTP_PROXY=DEAD_PROXY)
    assert ["no_answer", "no_answer"] == [code for code, _ in said]
    for _, message in said:
        assert "through the proxy 127.0.0.1:1" in message
        assert "hush" not in message
