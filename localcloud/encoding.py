"""Answers as JSON, and as the XML that older clients ask for or get when they ask for nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring


@dataclass(frozen=True)
class Encoding:
    """A format of answers; ``encode`` takes the name of the whole and what it consists of."""

    content_type: str
    encode: Callable[[str, Mapping[str, Any]], bytes]


def _as_json(_: str, body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def _as_xml(name: str, body: Mapping[str, Any]) -> bytes:
    """The name is the root's; the items of a list are elements with the list's name."""
    root = Element(name)
    _fill(root, body)
    encoded: bytes = tostring(root, encoding="UTF-8", xml_declaration=True)
    return encoded


def _fill(parent: Element, body: Mapping[str, Any]) -> None:
    for name, value in body.items():
        for item in value if isinstance(value, list) else [value]:
            child = SubElement(parent, name)
            if isinstance(item, Mapping):
                _fill(child, item)
            else:
                child.text = _text(item)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


JSON = Encoding("application/json", _as_json)
XML = Encoding("application/xml", _as_xml)

ENCODINGS: Mapping[str, Encoding] = {"JSON": JSON, "XML": XML}
"""By the value of the common parameter Format."""
