"""The services that setup talks to, through their official SDKs: read, create, update.

RAM is one service for all regions. SLS has a host per project, and a signature of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from alibabacloud_mns_open20220119 import models as mns
from alibabacloud_mns_open20220119.client import Client as MnsClient
from alibabacloud_ram20150501 import models as ram
from alibabacloud_ram20150501.client import Client as RamClient
from alibabacloud_sls20201230 import models as sls
from alibabacloud_sls20201230.client import Client as SlsClient

from console.setup.access import Access, Refused, told
from console.setup.desired import NETWORK_POLICY, Body, Kind, Names
from console.setup.scaling import Scaling

# A policy has five versions at most; the oldest that is not in use makes room.
ROTATE = "DeleteOldestNonDefaultVersionWhenLimitExceeded"


@dataclass(frozen=True)
class Port:
    """How one kind of resource is read, made and changed; `read` raises `missing` if absent."""

    read: Callable[[str], Body]
    create: Callable[[str, Body], object]
    update: Callable[[str, Body], object]


class Services:
    """Every kind's port."""

    def __init__(self, names: Names, access: Access) -> None:
        self._names, region = names, names.region
        self._sls = SlsClient(access.config("SLS", f"{region}.log.aliyuncs.com"))
        self._mns = MnsClient(access.config("MNS", f"mns-open.{region}.aliyuncs.com"))
        self._ram = RamClient(access.config("RAM", "ram.aliyuncs.com"))
        self._ports = self._of_logs() | self._of_messages() | self._of_roles()
        if names.scaling_groups:
            scaling = Scaling(region, access)
            self._ports[Kind.HOOK] = Port(scaling.read, scaling.create, scaling.update)

    def read(self, kind: Kind, name: str) -> Body | None:
        """What is there, in the shape of the desired body; None when nothing is.

        Raises:
            Refused: it cannot be told.
        """
        try:
            return told(lambda: self._ports[kind].read(name))
        except Refused as refused:
            if refused.missing:
                return None
            raise

    def create(self, kind: Kind, name: str, body: Body) -> None:
        """Make it. Raises `Refused`."""
        told(lambda: self._ports[kind].create(name, body))

    def update(self, kind: Kind, name: str, body: Body) -> None:
        """Change it. Raises `Refused`."""
        told(lambda: self._ports[kind].update(name, body))

    def _of_logs(self) -> dict[Kind, Port]:
        client, project, store = self._sls, self._names.project, self._names.logstore
        return {
            Kind.PROJECT: Port(
                lambda name: _map(client.get_project(name, sls.GetProjectRequest())),
                lambda _, body: client.create_project(sls.CreateProjectRequest().from_map(body)),
                _never,
            ),
            Kind.LOGSTORE: Port(
                lambda name: _map(client.get_log_store(project, name)),
                lambda _, body: client.create_log_store(
                    project, sls.CreateLogStoreRequest().from_map(body)
                ),
                lambda name, body: client.update_log_store(
                    project, name, sls.UpdateLogStoreRequest().from_map(body)
                ),
            ),
            Kind.INDEX: Port(
                lambda _: _map(client.get_index(project, store)),
                lambda _, body: client.create_index(project, store, _index(body)),
                lambda _, body: client.update_index(project, store, _index(body)),
            ),
        } | self._of_views()

    def _of_views(self) -> dict[Kind, Port]:
        client, project = self._sls, self._names.project
        return {
            Kind.SAVED_SEARCH: Port(
                lambda name: _map(client.get_saved_search(project, name)),
                lambda _, body: client.create_saved_search(
                    project, sls.CreateSavedSearchRequest().from_map(body)
                ),
                lambda name, body: client.update_saved_search(
                    project, name, sls.UpdateSavedSearchRequest().from_map(body)
                ),
            ),
            Kind.DASHBOARD: Port(
                lambda name: _map(client.get_dashboard(project, name)),
                lambda _, body: client.create_dashboard(
                    project, sls.CreateDashboardRequest(body=sls.Dashboard().from_map(body))
                ),
                lambda name, body: client.update_dashboard(
                    project, name, sls.UpdateDashboardRequest().from_map(body)
                ),
            ),
            Kind.ALERT: Port(
                lambda name: _map(client.get_alert(project, name)),
                lambda _, body: client.create_alert(
                    project, sls.CreateAlertRequest().from_map(body)
                ),
                lambda name, body: client.update_alert(
                    project, name, sls.UpdateAlertRequest().from_map(body)
                ),
            ),
        }

    def _of_messages(self) -> dict[Kind, Port]:
        client = self._mns
        return {
            Kind.TOPIC: Port(
                lambda name: _data(
                    client.get_topic_attributes(mns.GetTopicAttributesRequest(topic_name=name))
                ),
                lambda name, _: client.create_topic(mns.CreateTopicRequest(topic_name=name)),
                _never,
            ),
            Kind.QUEUE: Port(
                lambda name: _data(
                    client.get_queue_attributes(mns.GetQueueAttributesRequest(queue_name=name))
                ),
                lambda name, body: client.create_queue(
                    mns.CreateQueueRequest().from_map(_queue(name, body))
                ),
                lambda name, body: client.set_queue_attributes(
                    mns.SetQueueAttributesRequest().from_map(_queue(name, body))
                ),
            ),
        }

    def _of_roles(self) -> dict[Kind, Port]:
        client = self._ram
        return {
            Kind.ROLE: Port(
                self._trust,
                lambda name, body: client.create_role(
                    ram.CreateRoleRequest(
                        role_name=name,
                        assume_role_policy_document=_text(body),
                        description="Of the function for secondary private IPs",
                    )
                ),
                lambda name, body: client.update_role(
                    ram.UpdateRoleRequest(
                        role_name=name, new_assume_role_policy_document=_text(body)
                    )
                ),
            ),
            Kind.POLICY: Port(
                self._policy,
                lambda name, body: client.create_policy(
                    ram.CreatePolicyRequest(policy_name=name, policy_document=_text(body))
                ),
                lambda name, body: client.create_policy_version(
                    ram.CreatePolicyVersionRequest(
                        policy_name=name,
                        policy_document=_text(body),
                        set_as_default="true",  # the SDK would write True, with a capital letter
                        rotate_strategy=ROTATE,
                    )
                ),
            ),
            Kind.ATTACHMENT: self._attachment(self._names.policy, "Custom"),
            Kind.NETWORK: self._attachment(NETWORK_POLICY, "System"),
        }

    def _trust(self, name: str) -> Body:
        found = self._ram.get_role(ram.GetRoleRequest(role_name=name)).body.role
        return {"document": json.loads(found.assume_role_policy_document)}

    def _policy(self, name: str) -> Body:
        request = ram.GetPolicyRequest(policy_name=name, policy_type="Custom")
        found = self._ram.get_policy(request).body.default_policy_version
        return {"document": json.loads(found.policy_document)}

    def _attachment(self, policy: str, kind: str) -> Port:
        role = self._names.role

        def read(_name: str) -> Body:
            request = ram.ListPoliciesForRoleRequest(role_name=role)
            found = self._ram.list_policies_for_role(request).body.policies.policy or []
            if (policy, kind) not in {(it.policy_name, it.policy_type) for it in found}:
                raise Refused("NotExist", "not attached")
            return {}

        def attach(_name: str, _body: Body) -> None:
            self._ram.attach_policy_to_role(
                ram.AttachPolicyToRoleRequest(policy_name=policy, policy_type=kind, role_name=role)
            )

        return Port(read, attach, _never)


def _map(answer: Any) -> Body:  # noqa: ANN401  (the SDK is untyped)
    found: Body = answer.body.to_map()
    return found


def _data(answer: Any) -> Body:  # noqa: ANN401  (the SDK is untyped)
    found: Body = answer.body.data.to_map()
    return found


def _index(body: Body) -> Any:  # noqa: ANN401  (the SDK is untyped)
    kept = sls.Index().from_map(body)
    return sls.CreateIndexRequest(body=kept)


def _queue(name: str, body: Body) -> Body:
    return {"QueueName": name, "MessageRetentionPeriod": body["MessageRetentionPeriod"]}


def _text(body: Body) -> str:
    return json.dumps(body["document"])


def _never(name: str, _body: Body) -> None:
    raise Refused("NothingToUpdate", name)
