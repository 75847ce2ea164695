"""Build a dataclass from a nested mapping, strictly: no unknown key, no missing key, no value of another type."""

import dataclasses
import math
import types
import typing

from ssif.errors import UserError, choose

# The types of fields in words.
NAMES = {
    int: "a whole number",
    float: "a number",
    str: "a text",
    bool: "true or false",
    dict: "a mapping",
    list: "a list",
}


def strict(cls, mapping, where: str):
    """A dataclass `cls` from its keys. Raises UserError, naming `where`, for an unknown or missing key or a wrong type."""
    if not isinstance(mapping, dict):
        raise UserError(
            f"{where} must have the keys {', '.join(f.name for f in dataclasses.fields(cls))}, got {mapping!r}"
        )
    fields = {field.name: field.type for field in dataclasses.fields(cls)}
    for key in mapping:
        choose(f"key in {where}:", key, fields)
    missing = [
        f.name
        for f in dataclasses.fields(cls)
        if f.name not in mapping and f.default is f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise UserError(f"{where} lacks {', '.join(missing)}")
    return cls(**{key: typed(fields[key], mapping[key], f"{where}.{key}") for key in mapping})


def typed(kind, value, where: str):
    """`value` as the type `kind` of a field: a list becomes a tuple, and an integer a float if the field is a float."""
    if dataclasses.is_dataclass(kind):
        return strict(kind, value, where)
    if isinstance(kind, types.UnionType):
        fitting = [k for k in typing.get_args(kind) if isinstance(value, (int, float) if k is float else k)]
        return typed((fitting or typing.get_args(kind))[0], value, where)
    if isinstance(kind, types.GenericAlias):
        inner, *rest = typing.get_args(kind)
        length = None if Ellipsis in rest else 1 + len(rest)
        if not isinstance(value, (list, tuple)) or not value or (length and len(value) != length):
            raise UserError(f"{where} must be a list of {length or 'one or more'} {NAMES[inner][2:]}s, got {value!r}")
        return tuple(typed(inner, item, where) for item in value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UserError(f"{where} must be {NAMES[kind]}, got {value!r}")
    return value


def check_finite(value, where: str = "") -> None:
    """Raise UserError for a number that is not finite, anywhere in nested mappings and lists."""
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{where} must be a finite number, got {value!r}")
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    for key, item in inside:
        check_finite(item, f"{where}.{key}" if where else f"{key}")
