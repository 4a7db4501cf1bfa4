"""Immutable records with named fields that cost little to define.

``typing.NamedTuple`` takes 0.15 ms a class, which every start of the program would pay for each of some sixty
syntax records.  To a type checker this is NamedTuple itself; at run time the records are tuples whose
constructor takes the fields by position.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

T = TypeVar("T")

if TYPE_CHECKING:
    from typing import NamedTuple as Record

    def new(record: type[T], fields: Sequence[Any]) -> T:
        """Make a record of the right number of fields, without a look at that number."""
        raise NotImplementedError
else:
    new = tuple.__new__

    class _Fields(type):
        def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> type:
            fields = tuple(namespace.get("__annotations__", ()))
            getters = {field: property(itemgetter(index)) for index, field in enumerate(fields)}
            return super().__new__(cls, name, bases, {**namespace, **getters, "_fields": fields, "__slots__": ()})

    class Record(tuple, metaclass=_Fields):
        __slots__ = ()

        def __new__(cls, *values: Any) -> Any:
            if len(values) != len(cls._fields):
                raise TypeError(f"{cls.__name__} takes {len(cls._fields)} fields, not {len(values)}")
            return tuple.__new__(cls, values)

        def __repr__(self) -> str:
            return f"{type(self).__name__}({', '.join(f'{n}={v!r}' for n, v in zip(self._fields, self, strict=True))})"


__all__ = ["Record", "new"]
