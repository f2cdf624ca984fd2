"""Entry points: the arguments of the command line, and its files."""

import contextlib
import io
import os
import tempfile
from pathlib import Path

import malformed
import pandas as pd
from malformed import odd
from malformed_cases import Argument, EntryPoint, always
from small_data import classes, data

from skpoison._command_line import _main
from skpoison._command_line._arguments import make_parser


def table():
    """Give a small table as the text of a CSV file."""
    frame = pd.DataFrame(data(), columns=["a", "b", "c"])
    frame["color"] = ["red", "blue"] * (len(frame) // 2)
    frame["label"] = classes()
    return frame.to_csv(index=False).encode()


def words():
    """Give the words of an ordinary command."""
    return [
        "--label",
        "label",
        "--alphas",
        "1",
        "--min-test",
        "2",
        "--n-clusters",
        "2",
        "--quiet",
    ]


def command(words, table, name="table.csv"):
    """Run a command on a file, where nothing else is.

    Its parser says of a wrong word what it says, and then leaves.
    """
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        stack.callback(os.chdir, before)
        os.chdir(folder)
        Path(name).write_bytes(table)
        said = stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        try:
            options = make_parser().parse_args(["audit", name, *words])
        except SystemExit as error:
            if error.code == 0 or "error: " in said.getvalue():
                raise malformed.UserError(said.getvalue()) from error
            raise
        try:
            return {"text": _main.audit(options)}
        except OSError as error:
            if error.filename is None:
                raise
            # What the system says of a file that it names; the command says it too.
            raise malformed.UserError(str(error)) from error


def check_text(result, given):
    """The table tells of somebody."""
    assert "Clean accuracy" in result["text"]
    assert "nan" not in result["text"].lower()


def instead(name, *others):
    """Give words in place of those of the same option."""

    def make(good):
        at = good.index(name) if name in good else len(good)
        end = at + 2 if name in good else at
        return [*good[:at], name, *others, *good[end:]]

    return odd(" ".join([name, *map(repr, others)])[:60], make)


VALUES = [
    *("", " ", "-1", "0", "1", "2", "0.5", "1e300", "-1e300", "nan", "inf", "-inf"),
    *("1e-300", "abc", "a,b", "--", "-", "=", "a=", "=1", "C=abc", "C=-1", "C=nan"),
    *("C=[1,2]", "C={}", "C=None", "C=__import__('os')", "\0", "\ud800", "label"),
    *("LABEL", "a", "a,a", "99999999999999999999", "1" * 400, "../x.csv", "x.csv"),
    *(
        "x.parquet",
        "nowhere/x.csv",
        "/",
        ".",
        "*",
        "color",
        "red",
        "\n",
        "é",
        "x" * 5000,
    ),
]
OPTIONS = [
    *("--label", "--drop", "--separator", "--aux", "--test", "--estimator", "--param"),
    *("--fidelity", "--finder", "--n-clusters", "--features", "--bins", "--max-depth"),
    *("--min-test", "--alphas", "--seed", "--worst", "--html", "--summary"),
    *("--results", "--checkpoint"),
]
ESTIMATORS = [
    *(
        "LinearRegression",
        "Pipeline",
        "VotingClassifier",
        "KMeans",
        "logisticregression",
    ),
    *("os", "sklearn", "GridSearchCV", "DummyClassifier", "OneVsRestClassifier"),
    *("NearestCentroid", "Perceptron", "RadiusNeighborsClassifier", "GaussianNB"),
]
# These take their time, and are no mistake.
LASTING = {("--param", "1e300")}
WORDS = [
    *(
        instead(option, value)
        for option in OPTIONS
        for value in VALUES
        if (option, value) not in LASTING
    ),
    *(instead("--estimator", name) for name in ESTIMATORS),
    *(instead(option) for option in [*OPTIONS, "--jobs", "--repeats"]),
    *(instead("--jobs", value) for value in ["0", "", "abc", "1.5", "nan", "1" * 400]),
    *(instead("--repeats", value) for value in ["0", "", "abc", "1.5", "nan", "-1"]),
    instead("--alphas", "1", "abc"),
    instead("--alphas", "1", "1"),
    instead("--alphas", "0", "1"),
    instead("--alphas", "1e9"),
    instead("--nothing"),
    instead("--finder", "features", "--features", "color", "--bins", "1"),
    instead("--finder", "features", "--features", "color,color"),
    instead("--finder", "features", "--features", "label"),
    instead("--finder", "features"),
    instead("--finder", "slices", "--max-depth", "50"),
    instead("--finder", "slices", "--bins", "1000000"),
    instead("--finder", "clusters", "--features", "a"),
    instead("--drop", "a,b,c,color"),
    instead("--test", "table.csv"),
    instead("--aux", "table.csv"),
    instead("--html", "table.csv"),
    instead("--checkpoint", "table.csv"),
    odd("no words", lambda good: []),
    odd("a second file", lambda good: ["other.csv", *good]),
    odd("the label twice", lambda good: [*good, "--label", "a"]),
    odd("help", lambda good: ["--help"]),
]


def text(name, change):
    """Break the text of a table."""
    return odd(
        name, lambda good: change(good.decode()).encode("utf-8", "surrogatepass")
    )


def lines(name, change):
    """Break the lines of a table."""
    return text(name, lambda t: "\n".join(change(t.splitlines())) + "\n")


def cell(value, column=1):
    """Put a value into a cell of the sixth line."""

    def change(rows):
        cells = rows[5].split(",")
        cells[column] = value
        return [*rows[:5], ",".join(cells), *rows[6:]]

    return lines(f"column {column}: {value[:20]!r}", change)


CELLS = [
    *(
        "",
        " ",
        "nan",
        "NaN",
        "NA",
        "null",
        "inf",
        "-inf",
        "1e400",
        "1e308",
        "-0.0",
        "0x10",
    ),
    *(
        "1_000",
        "1,000",
        "abc",
        "'",
        '"',
        '"abc',
        '""',
        '"a""b"',
        "=1+1",
        "@x",
        "\0",
        "\t",
    ),
    *(
        "\ud800",
        "é",
        "\u202e",
        "<script>",
        "None",
        "True",
        "1j",
        "9" * 400,
        "x" * 10**5,
    ),
    *("2020-01-01", "[1]", "{}", "\\n", ";", "1;2", "\ufeff"),
]
TABLES = [
    *(cell(value, column) for column in (0, 3, 4) for value in CELLS),
    odd("empty", lambda good: b""),
    odd("one byte", lambda good: b"\n"),
    odd("zeros", lambda good: bytes(1000)),
    odd("random bytes", lambda good: bytes(range(256)) * 4),
    odd("UTF-16", lambda good: good.decode().encode("utf-16")),
    odd("UTF-8 with a mark", lambda good: b"\xef\xbb\xbf" + good),
    odd("Latin-1", lambda good: good.replace(b"red", b"r\xe9d")),
    odd("a zip", lambda good: b"PK\x03\x04" + good),
    odd("a gzip", lambda good: b"\x1f\x8b" + good),
    odd("a pickle", lambda good: b"\x80\x04cos\nsystem\n(S'true'\ntR."),
    odd("a parquet", lambda good: b"PAR1" + good + b"PAR1"),
    odd("JSON", lambda good: b'{"a": [1, 2]}'),
    odd("HTML", lambda good: b"<html><body>no table</body></html>"),
    odd("cut", lambda good: good[: len(good) // 2]),
    odd("cut in a word", lambda good: good[:30]),
    odd("carriage returns", lambda good: good.replace(b"\n", b"\r")),
    odd("Windows lines", lambda good: good.replace(b"\n", b"\r\n")),
    odd("semicolons", lambda good: good.replace(b",", b";")),
    odd("tabs", lambda good: good.replace(b",", b"\t")),
    odd("spaces", lambda good: good.replace(b",", b", ")),
    lines("no header", lambda rows: rows[1:]),
    lines("header alone", lambda rows: rows[:1]),
    lines("one row", lambda rows: rows[:2]),
    lines("three rows", lambda rows: rows[:4]),
    lines("header twice", lambda rows: [rows[0], *rows]),
    lines("header in the middle", lambda rows: [*rows[:9], rows[0], *rows[9:]]),
    lines("blank lines", lambda rows: [row + "\n" for row in rows]),
    lines("a field more", lambda rows: [*rows[:9], rows[9] + ",1", *rows[10:]]),
    lines(
        "a field more everywhere", lambda rows: [rows[0], *(r + ",1" for r in rows[1:])]
    ),
    lines("a field less", lambda rows: [*rows[:9], rows[9][:-2], *rows[10:]]),
    lines("names repeat", lambda rows: ["a,a,c,color,label", *rows[1:]]),
    lines("the label repeats", lambda rows: ["label,b,c,color,label", *rows[1:]]),
    lines("names are empty", lambda rows: [",,,,label", *rows[1:]]),
    lines("names are numbers", lambda rows: ["0,1,2,3,label", *rows[1:]]),
    lines("names are odd", lambda rows: ["<b>,=1+1,\u202e,\x1b[2J,label", *rows[1:]]),
    lines("names are long", lambda rows: [f"{'n' * 9999},b,c,color,label", *rows[1:]]),
    lines("no label column", lambda rows: ["a,b,c,color,other", *rows[1:]]),
    lines("one class", lambda rows: [rows[0], *(r[:-1] + "0" for r in rows[1:])]),
    lines(
        "a class for each row",
        lambda rows: [rows[0], *(f"{r[:-1]}x{i}" for i, r in enumerate(rows[1:]))],
    ),
    lines("no labels", lambda rows: [rows[0], *(r[:-1] for r in rows[1:])]),
    lines(
        "labels are fractions",
        lambda rows: [rows[0], *(f"{r[:-1]}{i % 2}.5" for i, r in enumerate(rows[1:]))],
    ),
    lines("only the label", lambda rows: [r.split(",")[-1] for r in rows]),
    lines("rows repeat", lambda rows: [rows[0], *rows[1:3] * 20]),
    lines(
        "wide",
        lambda rows: [
            ",".join(f"x{j}" if i == 0 else "1" for j in range(2000)) + "," + r
            for i, r in enumerate(rows)
        ],
    ),
]


def known(good, malformations):
    return Argument(good, malformations, always)


ENTRIES = [
    EntryPoint(
        "command line, words",
        lambda words: command(words, table()),
        {"words": known(words, WORDS)},
        check_text,
    ),
    EntryPoint(
        "command line, CSV",
        lambda table: command(words(), table),
        {"table": known(table, TABLES)},
        check_text,
    ),
    EntryPoint(
        "command line, --test",
        lambda table: tested(table),
        {"table": known(table, TABLES)},
        check_text,
    ),
]


def tested(rows):
    """Run a command whose rows of the test are in the broken file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "test.csv"
        path.write_bytes(rows)
        return command([*words(), "--test", str(path)], table())
