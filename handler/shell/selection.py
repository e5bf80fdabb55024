"""Which ENIs a manual request means, a chunk at a time: each selector with the fewest calls.

Nothing of the fleet is kept but the chunk in hand, and a number for each ENI that was shown. Every
chunk says where the next one begins, so that another invocation can go on from there.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from handler.cloud.ports import EniQuery, InstanceQuery
from handler.core.errors import CloudFault
from handler.core.value import Value, replace
from handler.shell.reading import (
    IDS_PER_CALL,
    MAX_RESTARTS,
    REFUSED,
    Reading,
    batches,
    ecs_instances,
    owners_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from handler.cloud.ports import Page
    from handler.core.model import Eni, Instance, Selector
    from handler.shell.continuation import Cursor
    from handler.shell.reading import Reader

T = TypeVar("T", "Eni", "Instance")

# A tag query is answered with at most 1 000 (DescribeInstances reference).
MOST_BY_TAG = 1000
# Of the ids of 100 000 ENIs, 24 fall into each.
_BUCKETS = 4096


class Chunk(Value):
    """Some of the ENIs.

    Attributes:
        named: the ids that the request names, or that have its tags; empty for listings.
        reading: what a read shows of them.
        next_page: the token of the page after this one, for listings.
        last_id: the last id of this chunk, for sorted lists of ids.
    """

    named: frozenset[str]
    reading: Reading
    next_page: str | None = None
    last_id: str | None = None


def chunks(selector: Selector, reader: Reader, cursor: Cursor) -> Iterator[Chunk]:
    """All that is selected, from where the cursor stands."""
    if selector.network_interface_ids:
        yield from _by_ids(selector.network_interface_ids, reader.of_enis, cursor)
    elif selector.vswitch_id or selector.everything:
        yield from _by_listing(
            EniQuery(vswitch_id=selector.vswitch_id, attached=True), reader, cursor
        )
    elif selector.tags:
        yield from _by_tags(selector.tags, reader, cursor)
    elif selector.scaling_group_id:
        members = ecs_instances(reader.of_group(selector.scaling_group_id))
        yield from _by_ids(members, reader.of_instances, cursor)
    else:
        yield from _by_ids(selector.instance_ids, reader.of_instances, cursor)


def _by_ids(
    ids: Iterable[str], read: Callable[[tuple[str, ...]], Reading], cursor: Cursor
) -> Iterator[Chunk]:
    rest = sorted(each for each in ids if cursor.after is None or each > cursor.after)
    for batch in batches(rest, IDS_PER_CALL):
        yield Chunk(frozenset(batch), read(batch), last_id=batch[-1])


def _by_listing(query: EniQuery, reader: Reader, cursor: Cursor) -> Iterator[Chunk]:
    for page in _from(cursor.page, lambda start: reader.eni_pages(query, start)):
        enis = {eni.id: eni for eni in page.items}
        owners = reader.instances(owners_of(page.items))
        yield Chunk(frozenset(), Reading(enis, owners), page.next_token)


def _by_tags(tags: tuple[tuple[str, str], ...], reader: Reader, cursor: Cursor) -> Iterator[Chunk]:
    """A tag query that reaches its bound is cut short there: then every instance is matched.

    What it finds is matched too: to ECS an empty value means any value.
    """
    found: list[Instance] = []
    if cursor.page is None:
        tagged = (
            each for page in reader.instance_pages(InstanceQuery(tags=tags)) for each in page.items
        )
        found = list(islice(tagged, MOST_BY_TAG))
    if cursor.page is None and len(found) < MOST_BY_TAG:
        once = {each.id: each for each in found}
        rest = [once[each] for each in sorted(once) if cursor.after is None or each > cursor.after]
        for batch in batches(_bearing(tags, rest), IDS_PER_CALL):
            yield _bearers(batch, reader, last_id=batch[-1].id)
        return
    for page in _from(cursor.page, lambda start: reader.instance_pages(InstanceQuery(), start)):
        yield _bearers(_bearing(tags, page.items), reader, page.next_token)


def _bearing(tags: tuple[tuple[str, str], ...], instances: Iterable[Instance]) -> list[Instance]:
    wanted = set(tags)
    return [each for each in instances if wanted <= set(each.tags.items())]


def _bearers(
    instances: Iterable[Instance],
    reader: Reader,
    next_page: str | None = None,
    last_id: str | None = None,
) -> Chunk:
    """Instances and their ENIs; named as far as they say that they have any, so that none is lost.

    What the read of ENIs does not show is read again then, and recorded if it stays hidden.
    """
    known = {each.id: each for each in instances}
    enis = reader.enis([eni for each in known.values() for eni in each.eni_ids])
    named = frozenset(each.id for each in known.values() if each.eni_ids)
    return Chunk(named, Reading(enis, known), next_page, last_id)


def _from(start: str | None, pages: Callable[[str | None], Iterator[Page[T]]]) -> Iterator[Page[T]]:
    """Pages from a token on; from the first when the token is no longer good.

    A listing that moves while it is read, or begins again, shows rows once more: they stand on the
    earliest page only. Of what was shown, no more than numbers are kept.
    """
    shown = _Shown()
    for page in _again_from_the_start(start, pages):
        yield replace(page, items=tuple(each for each in page.items if shown.first_time(each.id)))


class _Shown:
    """Which ids a listing has shown: some ten bytes for each, where a set takes a hundred and more.

    The size of a fleet is then not what a function instance's memory follows. An id is kept as the
    64 bits of its hash, among the few that fall into the same bucket.
    """

    def __init__(self) -> None:
        self._buckets: defaultdict[int, array[int]] = defaultdict(lambda: array("q"))

    def first_time(self, name: str) -> bool:
        """Whether this id was not shown before; from now on it was."""
        number = hash(name)
        bucket = self._buckets[number % _BUCKETS]
        if number in bucket:
            return False
        bucket.append(number)
        return True


def _again_from_the_start(
    start: str | None, pages: Callable[[str | None], Iterator[Page[T]]]
) -> Iterator[Page[T]]:
    """Pages from a token on; from the first again where the token is no longer good.

    Raises:
        CloudFault: something else was refused, or that happened more often than `MAX_RESTARTS`.
    """
    for restarts in range(MAX_RESTARTS + 1):
        followed = start is not None
        try:
            for page in pages(start):
                yield page
                followed = True
        except CloudFault as fault:
            if not followed or fault.treatment not in REFUSED or restarts == MAX_RESTARTS:
                raise
            start = None
        else:
            return
