"""ECS: TagResources as it stands on the wire, for instances and ENIs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from localcloud.errors import refusal
from localcloud.parameters import Given, invalid, missing
from localcloud.products import ECS

if TYPE_CHECKING:
    from localcloud.actions import Json
    from localcloud.model import Tags
    from localcloud.state import Cloud

MOST_RESOURCES = 50
"""Resources in one call (TagResources, ResourceId.N)."""

TYPES = ("instance", "eni")
"""Of the types that TagResources takes, those that exist here."""


@dataclass(frozen=True)
class Tagging:
    """Which things are to have which tags."""

    type: str
    ids: tuple[str, ...]
    tags: Tags


def _read_tagging(given: Given) -> Tagging:
    given.region()
    given.required("ResourceType")
    tagging = Tagging(
        given.choice("ResourceType", TYPES),
        given.many("ResourceId", MOST_RESOURCES),
        dict(given.tags()),
    )
    for name, values in (("ResourceId.1", tagging.ids), ("Tag.1.Key", tagging.tags)):
        if not values:
            raise missing(name)
    for key in tagging.tags:
        if key.startswith(("aliyun", "acs:")):
            raise invalid("Tag.Key", f"{key} begins with aliyun or acs:")
    return tagging


@ECS.writes("TagResources", _read_tagging)
def tag_resources(cloud: Cloud, ask: Tagging) -> Json:
    """Put the tags on all of these things, or none of them."""
    table = cloud.instances if ask.type == "instance" else cloud.enis
    if any(table.get(each) is None for each in ask.ids):
        raise refusal("InvalidResourceId.NotFound")
    for each in ask.ids:
        if instance := cloud.instances.get(each):
            cloud.put_instance(replace(instance, tags={**instance.tags, **ask.tags}))
        if eni := cloud.enis.get(each):
            cloud.put_eni(replace(eni, tags={**eni.tags, **ask.tags}))
    return {}
