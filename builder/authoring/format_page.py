"""docs/library-format.md: every field of a manifest and a step, written from their schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from registry.checks.paths import IMAGES
from registry.formats.model import NO_CATEGORY, STRICT, Requirement
from registry.formats.schema import Format, schema_of

_HEAD = """# The format of a library

Written by `make docs` from the schemas in `registry/formats/schemas/`; do not edit. How to begin
is told in [authors.md](authors.md).

An **install** needs only the fields marked *needed*; everything else has a default. A field that
is not listed here is a warning on install and an error in a pull request. What a *candidate* must
have besides is the `policy.require` of its registry's `registry.yaml`: any of {requirements}.
`opsteps init` writes `[{strict}]`.

JSON is strict: UTF-8 (a byte order mark is passed by, with a warning), double quotation marks, no
comments, no comma after the last element, no key twice. Line ends may be LF or CRLF, and are part
of what is released.
"""
_ICONS = f"""
## Icons, colours, categories, pictures

- `icon` is one emoji, or a word; whatever shows it may have a picture of its own for a word.
- `color` is `#rrggbb`, six hexadecimal digits: it is the ground of the icon.
- `category` is free text. Steps with the same text are listed together; without one it is
  `{NO_CATEGORY}`.
- `assets/` holds raster images ({", ".join(IMAGES)}), for [documents](authors.md#docsreadmemd)
  to show. SVG is refused, because it can carry scripts.
"""
_TYPES = """
## Types of parameters

| `type` | a value is | what `validation` may say |
| --- | --- | --- |
| `string` | a text | `pattern`, `min_length`, `max_length`, `format` |
| `number` | a number, whole or not | `min`, `max` |
| `boolean` | `true` or `false` | |
| `array` | a list | `min_items`, `max_items` |
| `object` | an object | |
| `file` | a path, as text; forms may offer to choose a file | as `string` |
| `directory` | a path, as text | as `string` |
| `select` | one of `options`, which it must have | |
| `multiselect` | a list of some of `options`, none twice | `min_items`, `max_items` |

`required` means that a value must be given unless there is a `default`. A `secret` is hidden in
forms and kept out of logs; it has no default. `pattern` is a regular expression of RE2 (no
look-around, no back-references), and the *whole* value must match it.
"""
_PERMISSIONS = """
## Permissions

`required_permissions` are labels for people: `file_read`, `file_write`, `file_system`, `network`,
`command` and any other word. Those of a step stand in the manifest, too. `permissions` says
exactly what a step may do; what is not listed is not allowed, and `{}` is for a step that needs
nothing.

```json
{
  "filesystem": {"read": ["{source}"], "write": ["{destination}", "/var/backups"]},
  "network": ["api.example.com:443", "{url}"],
  "commands": ["ping"],
  "environment": ["HTTPS_PROXY"],
  "limits": {"wall_seconds": 30, "memory_mb": 256}
}
```

- `{name}` stands for the whole value of that parameter: a path, a host, or the host and port of a
  URL.
- A path means itself and what is below it. `/` and `/proc` are never granted.
- `*.example.com:443`, `*:443` and `*` allow more hosts and ports, in that order.
- A version that asks for more than the one before it is a major change.
"""


def format_page() -> str:
    """The page as it must stand in ``docs/``."""
    head = _HEAD.format(
        requirements=", ".join(f"`{each}`" for each in Requirement), strict=", ".join(STRICT)
    )
    step = schema_of(Format.STEP)
    parts = [
        head,
        *_section("manifest.json", schema_of(Format.MANIFEST)),
        "\nAn element of `steps`:\n\n",
        *_table(schema_of(Format.MANIFEST)["properties"]["steps"]["items"]),
        *_section("steps/*.json", step),
        "\nAn element of `examples`:\n\n",
        *_table(step["properties"]["examples"]["items"]),
        "\nA parameter:\n\n",
        *_table(step["$defs"]["parameter"]),
        "\nIts `validation`:\n\n",
        *_table(step["$defs"]["parameter"]["properties"]["validation"]),
        _TYPES,
        _PERMISSIONS,
        "\nThe fields of `permissions`:\n\n",
        *_table(_flat(step["properties"]["permissions"])),
        _ICONS,
    ]
    return "".join(parts)


def _flat(permissions: Mapping[str, Any]) -> Mapping[str, Any]:
    """Permissions with what is inside ``filesystem`` and ``limits`` beside the rest."""
    fields: dict[str, Any] = {}
    for name, field in permissions["properties"].items():
        inner = field.get("properties")
        fields |= (
            {f"{name}.{key}": value for key, value in inner.items()} if inner else {name: field}
        )
    return {"properties": fields}


def _section(title: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f"\n## {title}\n\n"
    yield from _table(schema)


def _table(schema: Mapping[str, Any]) -> Iterator[str]:
    needed = schema.get("required", ())
    yield "| field | type | what it is | limits |\n| --- | --- | --- | --- |\n"
    for name, field in schema["properties"].items():
        about = str(field.get("description", "")).replace("|", "\\|")
        mark = " *(needed)*" if name in needed else ""
        yield f"| `{name}`{mark} | {_type(field)} | {about} | {_limits(field)} |\n"


def _type(field: Mapping[str, Any]) -> str:
    if "enum" in field:
        return "one of " + ", ".join(f"`{value}`" for value in field["enum"])
    kinds = field.get("type", "any")
    shown = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    items = field.get("items", {})
    return f"array of {_type(items)}" if items and "properties" not in items else shown


def _limits(field: Mapping[str, Any]) -> str:
    words = {
        "minLength": "at least {} characters",
        "maxLength": "at most {} characters",
        "minItems": "at least {}",
        "maxItems": "at most {}",
        "maxProperties": "at most {}",
        "minimum": "{} or more",
        "maximum": "{} or less",
        "exclusiveMinimum": "more than {}",
    }
    said = [text.format(f"{field[key]:,}") for key, text in words.items() if key in field]
    said += ["none twice"] if field.get("uniqueItems") else []
    if field.get("pattern"):
        said.append(str(field["patternErrorMessage"]).replace("|", "\\|"))
    elif isinstance(field.get("default"), bool | int | str):
        said.append(f"`{json.dumps(field['default'])}` when left out")
    return "; ".join(said)
