"""Hashes of victims and data, by their content."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import io
import pickle  # nosec B403 # nothing is ever loaded
from itertools import count
from types import CellType, CodeType, FunctionType, ModuleType
from weakref import WeakKeyDictionary

import joblib

_serials = count()
_serial_of_class = WeakKeyDictionary()


def fingerprint(victim, *data):
    """Hash an estimator and data, or give None where that is impossible.

    Functions that the session itself defines, in a notebook say, count by their code
    and the globals they use, since a cell may be edited and run again. Its classes
    count as the objects they are, and by their methods: counters and the like that
    they hold do not make them others.
    """
    try:
        file = io.BytesIO()
        _VictimPickler(file, protocol=5).dump(victim)
        return joblib.hash((file.getvalue(), *data))
    except Exception:
        # Pickling runs code of any victim, and may raise anything.
        return None


class _VictimPickler(pickle.Pickler):
    """Pickles what cannot be imported by what it does; nothing is ever loaded."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._described = set()

    def reducer_override(self, obj):
        if isinstance(obj, ModuleType):
            return _stand_for, (obj.__name__,)
        if isinstance(obj, CodeType):
            return _stand_for, (obj.co_code, obj.co_consts, obj.co_names)
        if isinstance(obj, CellType):
            return _stand_for, (_contents(obj),)
        if not isinstance(obj, (FunctionType, type)) or _is_importable(obj):
            return NotImplemented
        if obj in self._described:
            # Functions that call themselves, methods that name their class.
            return _stand_for, (obj.__qualname__,)
        self._described.add(obj)
        return _stand_for, _describe(obj)


def _stand_for(*parts):
    """Take the place of an object in the bytes that are hashed."""


def _contents(cell):
    try:
        return cell.cell_contents
    except ValueError:  # still empty
        return None


def _is_importable(obj):
    return obj.__module__ != "__main__" and "<" not in obj.__qualname__


def _describe(obj):
    if isinstance(obj, type):
        serial = _serial_of_class.setdefault(obj, next(_serials))
        methods = [m for m in vars(obj).values() if isinstance(m, FunctionType)]
        return obj.__qualname__, serial, obj.__bases__, methods
    names = set(_names(obj.__code__))
    used = {n: obj.__globals__[n] for n in sorted(names) if n in obj.__globals__}
    return obj.__qualname__, obj.__code__, obj.__defaults__, obj.__closure__, used


def _names(code):
    """Names that a function and those within it look up."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
