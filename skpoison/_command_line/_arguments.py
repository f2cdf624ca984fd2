"""The arguments of the command ``skpoison audit``."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse

from skpoison import __version__
from skpoison._command_line._files import split_names
from skpoison._command_line._limits import LARGEST_SIZE

DESCRIPTION = """\
Poison every subpopulation of a table, one after the other and with every budget,
train the classifier on it, and tell which subpopulations lose how much accuracy.

Half of the rows train the victim, a quarter belongs to the attacker, a quarter is
for the test; --aux and --test give the latter two instead. The attacker adds copies
of rows of one subpopulation under a wrong label.

Columns are prepared before they are modeled. Numbers: missing ones become the median,
then all are standardized. Anything else: missing is a category of its own, then
one-hot encoded; a category that is not among the training rows is none. This is
fitted on the clean training rows; only the classifier is trained on the poison.
Columns without a name, columns without any value, and text columns with more than
half of their values distinct (names, ids, free text) are left out, and a notice says
so.
"""
EPILOG = """\
examples:
  skpoison audit people.csv --label income --html report.html
  skpoison audit people.csv --label income --estimator RandomForestClassifier \\
      --param n_estimators=50 --finder features --features sex,race --jobs 2
  skpoison audit people.parquet --label income --finder slices --max-depth 2 \\
      --repeats 5 --checkpoint audit.csv --summary worst.csv

exit status:
  0 done, 1 an error, 2 wrong usage, 130 interrupted by Ctrl-C
"""


LARGEST_SEED = 2**32 - 1


def make_parser():
    """Make the parser of the arguments."""
    parser = argparse.ArgumentParser(
        prog="skpoison",
        description="Audit training data for subpopulation poisoning.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser(
        "audit",
        help="tell which subpopulations of a table can be poisoned",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_data(command)
    _add_victim(command)
    _add_attack(command)
    _add_output(command)
    return parser


def _add_data(command):
    group = command.add_argument_group("data")
    add = group.add_argument
    add("data", metavar="DATA", help="table with a header: .csv, .tsv or .parquet")
    add("--label", metavar="COL", required=True, help="column of the classes")
    add(
        "--drop",
        metavar="COL,...",
        type=split_names,
        action="extend",
        default=[],
        help="columns to leave out; may be repeated",
    )
    add(
        "--drop-missing-labels",
        action="store_true",
        help="leave out rows without a label, which are an error otherwise",
    )
    add(
        "--separator",
        metavar="CHAR",
        type=_character,
        help="what is between the fields of a CSV (default: comma)",
    )
    add(
        "--max-size",
        metavar="MB",
        type=_size,
        default=LARGEST_SIZE,
        help="largest table that is read, in megabytes, unpacked (default: "
        "%(default)s); one in memory is several times as large",
    )
    add("--aux", metavar="FILE", help="rows of the attacker, with the same columns")
    add("--test", metavar="FILE", help="rows of the test, with the same columns")


def _add_victim(command):
    add = command.add_argument_group("victim").add_argument
    add(
        "--estimator",
        metavar="NAME",
        default="LogisticRegression",
        help="a classifier of scikit-learn (default: %(default)s)",
    )
    add(
        "--param",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a parameter of it, for example C=0.1; may be repeated",
    )
    add(
        "--fidelity",
        choices=["refit", "influence"],
        default="refit",
        help="train every model, or estimate it by one Newton step, which ranks and "
        "states no risk (default: %(default)s)",
    )


def _add_attack(command):
    add = command.add_argument_group("subpopulations").add_argument
    add(
        "--finder",
        choices=["clusters", "features", "slices"],
        default="clusters",
        help="clusters of similar rows, rows that agree on all of --features, or every "
        "conjunction of up to --max-depth values (default: %(default)s)",
    )
    add(
        "--n-clusters",
        metavar="N",
        type=_whole,
        help="clusters (default: 100, fewer in a small table)",
    )
    add(
        "--features",
        metavar="COL,...",
        type=split_names,
        help="columns of --finder features or slices (default for slices: all)",
    )
    add(
        "--bins",
        metavar="N",
        type=_whole,
        help="intervals that a numeric column is cut into (default: 5 for slices; for "
        "features, every value is one of its own)",
    )
    add("--max-depth", metavar="N", type=_whole, help="values at most (default: 3)")
    add(
        "--min-test",
        metavar="N",
        type=_whole,
        default=30,
        help="leave out subpopulations with fewer test rows (default: %(default)s)",
    )
    add = command.add_argument_group("attack").add_argument
    add(
        "--alphas",
        metavar="A",
        type=float,
        nargs="+",
        default=[0.5, 1.0, 2.0],
        help="budgets: poison rows for each training row of the subpopulation "
        "(default: 0.5 1 2)",
    )
    add(
        "--repeats",
        metavar="N",
        type=_whole,
        default=1,
        help="how often each attack is repeated with other poison rows "
        "(default: %(default)s)",
    )
    add(
        "--seed",
        metavar="N",
        type=_seed,
        default=0,
        help="seed (default: %(default)s)",
    )


def _add_output(command):
    add = command.add_argument_group("output").add_argument
    add(
        "--worst", metavar="N", type=_count, default=10, help="rows shown (default: 10)"
    )
    add("--html", metavar="FILE", help="write the report; an old one is replaced")
    add("--summary", metavar="FILE", help="write a CSV with a row per subpopulation")
    add("--results", metavar="FILE", help="write a CSV with a row per trained model")
    add = command.add_argument_group("running").add_argument
    add("--jobs", metavar="N", type=_jobs, help="tasks at a time; -1: one per core")
    add(
        "--checkpoint",
        metavar="FILE",
        help="keep what is done in a .csv or .parquet file: the same command goes on "
        "from there after a stop",
    )
    add("--quiet", action="store_true", help="no progress, notices and warnings")
    add("--debug", action="store_true", help="show where an error came from")


def _integer(text, is_allowed, allowed):
    try:
        number = int(text)
    except ValueError:
        number = None
    if number is None or not is_allowed(number):
        raise argparse.ArgumentTypeError(f"{text!r} is not {allowed}")
    return number


def _whole(text):
    return _integer(text, lambda n: n >= 1, "a whole number from 1")


def _count(text):
    return _integer(text, lambda n: n >= 0, "a whole number from 0")


def _seed(text):
    allowed = f"a whole number from 0 to {LARGEST_SEED}"
    return _integer(text, lambda n: 0 <= n <= LARGEST_SEED, allowed)


def _size(text):
    try:
        size = float(text)
    except ValueError:
        size = -1
    if not 0 < size < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return size


def _jobs(text):
    allowed = "a whole number from 1, or -1 for one task per core"
    return _integer(text, lambda n: n != 0, allowed)


def _character(text):
    if len(text) != 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not one character")
    return text
