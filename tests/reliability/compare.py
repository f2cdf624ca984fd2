"""Whether two answers are the same, and how far apart their floats are."""

import re

import numpy as np


def difference(expected, got, tolerance, where=""):
    """Largest difference of floats; anything else must be equal."""
    if isinstance(expected, dict):
        assert expected.keys() == got.keys(), f"{where}: other parts"
        parts = [
            difference(expected[key], got[key], tolerance, f"{where}/{key}")
            for key in expected
        ]
        return max(parts, default=0.0)
    if isinstance(expected, (list, tuple)):
        assert len(expected) == len(got), f"{where}: other length"
        pairs = zip(expected, got, strict=True)
        return max((difference(a, b, tolerance, where) for a, b in pairs), default=0.0)
    if isinstance(expected, (float, np.floating)) or (
        isinstance(expected, np.ndarray) and expected.dtype.kind == "f"
    ):
        return _of_floats(np.asarray(expected), np.asarray(got), tolerance, where)
    assert np.array_equal(expected, got), f"{where}: {expected!r} became {got!r}"
    return 0.0


def _of_floats(expected, got, tolerance, where):
    np.testing.assert_allclose(
        got, expected, rtol=tolerance, atol=tolerance, err_msg=where
    )
    finite = np.isfinite(expected)
    return float(np.max(np.abs(got[finite] - expected[finite]), initial=0))


def renamed(answer, columns):
    """Put the names of columns for x0, x1, ... in an answer about an array."""
    if columns is None:
        return answer
    answer = _with_names(answer, columns)
    if "feature_names_in_" in answer:
        answer["feature_names_in_"] = columns
    return answer


def _with_names(answer, columns):
    if isinstance(answer, dict):
        return {key: _with_names(value, columns) for key, value in answer.items()}
    if isinstance(answer, list):
        return [_with_names(value, columns) for value in answer]
    if isinstance(answer, str):
        # ``x0=3``, ``2<=x0<5``, and no other texts.
        return re.sub(r"\bx(\d)(?=[<>=])", lambda m: columns[int(m[1])], answer)
    return answer
