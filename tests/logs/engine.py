"""SLS queries on DuckDB: what SLS adds to SQL is translated, and nothing else.

A query is `search | SELECT ...` over the rows of a Logstore. Translated are:

- the search: `*`, `field: value`, `not`, and either `and` or `or` between them, which becomes the
  WHERE of the table `log`. A value matches a whole word of the field, in any case;
- the fields: for each leaf of the index, a column of its type, named as SLS names it
  ("message.counts.assigned"), besides `message` and `__time__`. What the index lacks is no column;
- the words of Presto that DuckDB spells differently: `MACROS` and `array(json)`.

SQL sees no more of a value than `max_text_len` of the index says, 2 048 bytes where it says
nothing, while the fields below `message` were taken out of the whole line.

Everything else is refused, so that a query does not pass here and fail there. Two things are not
documented: `null` says what SLS makes of a JSON null in a text field, `broken` what a JSON function
makes of a text that was cut: an error, or nothing.
Sources: https://www.alibabacloud.com/help/en/sls/user-guide/log-search-overview and
https://www.alibabacloud.com/help/en/sls/user-guide/sql-syntax-overview.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Row = dict[str, Any]

SQL_TYPES = {"text": "VARCHAR", "long": "BIGINT", "double": "DOUBLE"}
# The longest value that SQL sees whole, where the index does not say (CreateIndex: max_text_len).
DEFAULT_TEXT = 2_048
BROKEN = {"error": "error('the JSON text is cut')", "nothing": "NULL"}
MACROS = (
    "from_unixtime(seconds) AS strftime(to_timestamp(seconds) AT TIME ZONE 'UTC', '%H:%M')",
    "json_extract_scalar(document, path) AS json_extract_string(document, path)",
    "whole(document) AS CASE WHEN json_valid(document) THEN document ELSE {broken} END",
    "extracted(document, path) AS json_extract(whole(document), path)",
    "approx_percentile(number, share) AS quantile_disc(number, share)",
)
# The functions that queries may call; each is one of SLS.
FUNCTIONS = {
    "approx_percentile", "cast", "coalesce", "count", "count_if", "from_unixtime",
    "json_array_length", "json_extract", "json_extract_scalar", "max", "max_by", "min", "nullif",
    "split_part", "sum", "try_cast", "unnest",
}  # fmt: skip
NOT_FUNCTIONS = {"array", "as", "from", "in", "on", "over", "t", "where", "and", "or"}
TERM = re.compile(r'(?P<no>not )?(?P<field>[\w.]+): (?:"(?P<quoted>[^"]+)"|(?P<word>[\w.-]+))')


class Refused(Exception):
    """The query uses something that is not known to work in SLS."""


@dataclass(frozen=True)
class Logged:
    """One row: when it was received (epoch seconds), and the line."""

    time: int
    line: str


class LogStore:
    """Rows under an index.

    Args:
        null: what a JSON null in a text field becomes.
        broken: what a JSON function makes of a text that was cut; see `BROKEN`.
    """

    def __init__(
        self,
        index: Mapping[str, Any],
        rows: Iterable[Logged],
        null: str | None = None,
        broken: str = "error",
    ) -> None:
        self._longest = index.get("max_text_len", DEFAULT_TEXT)
        self._message = index["keys"]["message"]
        self._leaves = {f"message.{name}": key for name, key in self._message["json_keys"].items()}
        self._db = duckdb.connect()
        for macro in MACROS:
            self._db.execute(f"CREATE MACRO {macro.format(broken=BROKEN[broken])}")
        self._db.execute("CREATE TABLE rows (__time__ BIGINT, message VARCHAR, line JSON)")
        received = [(row.time, self._seen(row.line), row.line) for row in rows]
        columns_of_rows = [list(each) for each in zip(*received, strict=True)]
        self._db.execute("INSERT INTO rows SELECT unnest(?), unnest(?), unnest(?)", columns_of_rows)
        columns = ", ".join(self._column(name, key["type"], null) for name, key in self._fields())
        self._db.execute(f"CREATE TABLE indexed AS SELECT __time__, message, {columns} FROM rows")  # noqa: S608  (names from our own index)

    def query(self, text: str) -> list[Row]:
        """Run a query.

        Raises:
            Refused: it uses something that this engine does not know SLS to have.
            duckdb.Error: a field that is not indexed, or bad SQL.
        """
        search, _, sql = text.partition(" | ")
        where = self._where(search.strip())
        self._db.execute(f"CREATE OR REPLACE VIEW log AS SELECT * FROM indexed WHERE {where}")  # noqa: S608  (built from parsed terms)
        answer = self._db.execute(translated(sql))
        names = [each[0] for each in answer.description or ()]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    def _fields(self) -> Iterable[tuple[str, Mapping[str, Any]]]:
        return self._leaves.items()

    def _column(self, name: str, kind: str, null: str | None) -> str:
        path = "$" + "".join(f'."{part}"' for part in name.split(".")[1:])
        value = f"json_extract_string(line, '{path}')"
        if kind == "text" and null is not None:
            shown = f"json_type(line, '{path}') = 'NULL'"
            value = f"CASE WHEN {shown} THEN '{null}' ELSE {value} END"
        if kind == "text":  # characters; the function writes one byte for each
            value = f"left({value}, {self._longest})"
        return f'CAST({value} AS {SQL_TYPES[kind]}) AS "{name}"'

    def _seen(self, text: str) -> str:
        """What SQL sees of a text: so many bytes, and no half of a character."""
        return text.encode()[: self._longest].decode(errors="ignore")

    def _where(self, search: str) -> str:
        if search == "*":
            return "true"
        words = {word for word in (" and ", " or ") if word in search}
        if len(words) > 1:
            raise Refused(f"and beside or, whose precedence is easy to get wrong: {search}")
        joint = words.pop() if words else " and "
        return joint.join(self._term(term) for term in search.split(joint))

    def _term(self, term: str) -> str:
        found = TERM.fullmatch(term.strip())
        if found is None:
            raise Refused(f"not a search that is known here: {term!r}")
        field, value = found["field"], found["quoted"] or found["word"]
        if self._leaves.get(field, {}).get("type") != "text":
            raise Refused(f"{field} has no text index")
        delimiters = "".join(re.escape(each) for each in self._message["token"])
        if re.search(f"[{delimiters}]", value):
            raise Refused(f"{value!r} is not one word under this index")
        words = f"""regexp_split_to_array(lower("{field}"), '[{delimiters.replace("'", "''")}]')"""
        matches = f"coalesce(list_contains({words}, '{value.lower()}'), false)"
        return f"NOT {matches}" if found["no"] else matches


def translated(sql: str) -> str:
    """The SQL as DuckDB takes it.

    Raises:
        Refused: it is no SELECT, or calls a function that is not in `FUNCTIONS`.
    """
    if not sql.startswith("SELECT ") or ";" in sql:
        raise Refused(f"not one SELECT: {sql}")
    called = {name.lower() for name in re.findall(r"\b([A-Za-z_]\w*) ?\(", sql)}
    if unknown := called - FUNCTIONS - NOT_FUNCTIONS:
        raise Refused(f"functions that are not known here: {', '.join(sorted(unknown))}")
    return re.sub(r"\bjson_extract\(", "extracted(", sql.replace("array(json)", "JSON[]"))
