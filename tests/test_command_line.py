"""The audit from the shell, for people who have a table and no script."""

import importlib.util
import io
import logging
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

import skpoison
from skpoison import ClusterMatch, SubpopulationAudit
from skpoison.__main__ import main
from skpoison._command_line._arguments import make_parser
from skpoison._command_line._files import UserError, split_names
from skpoison._command_line._model import literal, make_model, make_victim
from skpoison._command_line._report import Progress, duration
from skpoison._command_line._table import Tables, as_texts
from skpoison.datasets import fetch_adult

needs_pyarrow = pytest.mark.skipif(
    importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed"
)
GROUPS = ["--label", "buys", "--finder", "features", "--features", "group"]
# A quarter of the rows is for the test.
SMALL = [*GROUPS, "--min-test", "10", "--alphas", "0.5", "2"]


def make_frame(n=400):
    """Four groups, whose class follows from the group but for some noise."""
    rng = np.random.RandomState(0)
    group = rng.choice(list("abcd"), n, p=[0.4, 0.3, 0.2, 0.1])
    buys = (rng.rand(n) < 0.1) ^ np.isin(group, ["a", "c"])
    return pd.DataFrame(
        {
            "group": group,
            "age": rng.randint(18, 80, n),
            "income": np.where(rng.rand(n) < 0.1, np.nan, rng.lognormal(3, 1, n)),
            "member": rng.rand(n) < 0.5,
            "buys": np.where(buys, "yes", "no"),
        }
    )


@pytest.fixture(scope="module")
def frame():
    return make_frame()


@pytest.fixture
def folder(tmp_path, monkeypatch, frame):
    """A folder to work in, with a table."""
    monkeypatch.chdir(tmp_path)
    frame.to_csv("people.csv", index=False)
    return tmp_path


@pytest.fixture
def run(folder, capsys):
    """Run ``skpoison audit people.csv``; the status and what it said."""

    def run(*args, data="people.csv"):
        status = main(["audit", data, *map(str, args)])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def error(run):
    """Run it to an error of one line, which is returned."""

    def error(*args, **kwargs):
        status, out, err = run(*args, **kwargs)
        lines = [line for line in err.splitlines() if ": note: " not in line]
        assert (status, out, len(lines)) == (1, "", 1), err
        return lines[0].removeprefix("skpoison: error: ")

    return error


def tables_of(*args):
    said = []
    return Tables(make_parser().parse_args(["audit", *args]), said.append), said


# The whole way -----------------------------------------------


def test_a_table_becomes_a_report(run, folder):
    status, out, err = run(
        *SMALL, "--html", "r.html", "--results", "r.csv", "--summary", "s.csv"
    )
    assert status == 0
    assert "200 rows for training, 100 of the attacker, 100 for the test." in out
    assert "4 of 4 subpopulations were attacked." in out
    summary, results = pd.read_csv("s.csv"), pd.read_csv("r.csv")
    assert sorted(summary["name"]) == [f"group={g}" for g in "abcd"]
    assert len(results) == 4 * 2
    rows = [line.split() for line in out.splitlines() if line.startswith("group=")]
    assert [row[0] for row in rows] == summary["name"].tolist()
    for row, (_, wanted) in zip(rows, summary.iterrows(), strict=True):
        assert float(row[4]) == pytest.approx(100 * wanted["target_damage"], abs=0.05)
        assert float(row[5]) == pytest.approx(
            100 * wanted["target_damage_low"], abs=0.05
        )
    assert summary["target_damage"].max() > 0.3
    page = (folder / "r.html").read_text()
    assert page.startswith("<!DOCTYPE html>") or page.startswith("<!doctype html>")
    assert "group=a" in page
    assert re.search(r"100%  \d+ of \d+ tasks", err)


def test_it_is_the_audit_that_python_gives(run, folder, frame):
    run(*SMALL, "--results", "r.csv", "--seed", "7", "--repeats", "2")
    tables, _ = tables_of("people.csv", *SMALL)
    model = make_victim(LogisticRegression(), tables)
    finder = skpoison.FeatureMatch(["group"])
    audit = SubpopulationAudit(
        model,
        finder=finder,
        poison_before="model",
        min_test=10,
        alphas=[0.5, 2],
        n_repeats=2,
        random_state=7,
    ).fit(tables.X, tables.y)
    found = pd.read_csv("r.csv")
    columns = ["name", "alpha", "repeat", "n_poison", "target_damage", "poison_label"]
    pd.testing.assert_frame_equal(
        found[columns], audit.results_[columns], check_dtype=False
    )


def test_quiet_says_nothing_but_the_table(run):
    status, out, err = run(*SMALL, "--quiet", "--worst", "2")
    assert (status, err) == (0, "")
    assert sum(line.startswith("group=") for line in out.splitlines()) == 2


def test_the_worst_may_be_left_out(run):
    status, out, _ = run(*SMALL, "--worst", "0")
    assert status == 0
    assert len(out.splitlines()) == 2


def test_small_subpopulations_are_told(run):
    _, out, _ = run(*GROUPS, "--min-test", "25", "--alphas", "1")
    assert "2 of 4 subpopulations were attacked, and not 2 with fewer than 25" in out


@pytest.mark.parametrize(
    "args",
    [
        ["--finder", "slices", "--max-depth", "1", "--bins", "2"],
        ["--finder", "clusters", "--n-clusters", "3"],
        ["--finder", "clusters"],
        ["--finder", "slices", "--features", "group,member", "--fidelity", "influence"],
        ["--estimator", "KNeighborsClassifier", "--param", "n_neighbors=3"],
        ["--estimator", "GaussianNB", "--jobs", "2"],
        ["--estimator", "DecisionTreeClassifier", "--param", "max_depth=3"],
    ],
    ids=" ".join,
)
def test_finders_and_estimators(run, args):
    status, out, err = run(
        "--label", "buys", "--min-test", "10", "--alphas", "1", *args
    )
    if status and "has no engine" in err:
        pytest.skip("this estimator has no engine for estimates")
    assert status == 0, err
    assert "lost" in out
    assert ("estimates" in out) == ("influence" in args)


def test_rows_of_the_attacker_and_the_test_may_be_given(run, folder, frame):
    frame[:100].to_csv("aux.csv", index=False)
    frame[100:180].sample(frac=1, axis=1, random_state=0).to_csv(
        "test.csv", index=False
    )
    _, out, _ = run(*SMALL, "--aux", "aux.csv", "--test", "test.csv")
    assert "400 rows for training, 100 of the attacker, 80 for the test" in out


@needs_pyarrow
def test_parquet_gives_the_same(run, folder, frame):
    _, wanted, _ = run(*SMALL)
    frame.to_parquet("people.parquet")
    status, out, _ = run(*SMALL, data="people.parquet")
    assert (status, out) == (0, wanted)


def test_on_adult(data_home, folder, run):
    adult = fetch_adult(data_home=data_home).frame
    adult.sample(3000, random_state=0).to_csv("adult.csv", index=False)
    status, out, err = run(
        "--label", "income", "--finder", "features", "--features", "race,sex",
        "--alphas", "1", "--html", "adult.html",
        data="adult.csv",
    )  # fmt: skip
    assert status == 0, err
    assert "1,500 rows for training" in out
    assert "race=White & sex=Male" in out
    assert "note" not in err.replace("fnlwgt", "")


# Arguments ---------------------------------------------------


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["--label"],
        ["--alphas", "x"],
        ["--repeats", "0"],
        ["--finder", "neighbors"],
        ["--lab", "buys"],
        ["--min-test", "-3"],
        ["--separator", ""],
        ["--separator", ", "],
    ],
)
def test_wrong_usage_is_status_2(run, args):
    args = args if "--label" in args or not args else ["--label", "buys", *args]
    with pytest.raises(SystemExit) as exit:
        run(*args)
    assert exit.value.code == 2


def test_help_tells_of_every_option(capsys):
    with pytest.raises(SystemExit) as exit:
        main(["audit", "--help"])
    assert exit.value.code == 0
    text = capsys.readouterr().out
    words = [
        "fitted on the clean training rows",
        "130 interrupted",
        "--html report.html",
    ]
    assert all(" ".join(word.split()) in " ".join(text.split()) for word in words)
    command = make_parser()._subparsers._group_actions[0].choices["audit"]
    assert all(action.help for action in command._actions)


def test_versions_and_commands(capsys):
    for args, code in [(["--version"], 0), ([], 2), (["polish"], 2)]:
        with pytest.raises(SystemExit) as exit:
            main(args)
        assert exit.value.code == code
    assert skpoison.__version__ in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("1e-3", 1e-3),
        ("None", None),
        ("True", True),
        ("(10, 5)", (10, 5)),
        ("l2", "l2"),
        ("'1'", "1"),
        ("", ""),
        ("__import__('os')", "__import__('os')"),
        ("(" * 5000, "(" * 5000),
        ("{[]: 1}", "{[]: 1}"),
    ],
)
def test_values_of_parameters_are_literals_or_texts(text, value):
    assert literal(text) == value
    assert type(literal(text)) is type(value)


def test_parameters_reach_the_estimator():
    model = make_model(
        "RandomForestClassifier", ["n_estimators=5", "criterion=entropy"]
    )
    assert type(model) is RandomForestClassifier
    assert (model.n_estimators, model.criterion) == (5, "entropy")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--estimator", "LogisticRegresion"], "Did you mean 'LogisticRegression'?"),
        (["--estimator", "Ridge"], "is no classifier of scikit-learn. Did you mean"),
        (["--estimator", "VotingClassifier"], "needs estimators, which a command line"),
        (["--param", "c=1"], "--param 'c' is no parameter .* Did you mean 'C'?"),
        (["--param", "C"], "--param must be NAME=VALUE. Got 'C'"),
        (["--estimator", "DecisionTreeClassifier", "--param", "max_depth=-1"],
         "The 'max_depth' parameter of DecisionTreeClassifier must be"),
        (["--n-clusters", "3"], "--n-clusters has no effect with --finder features; it "
         "is for --finder clusters"),
        (["--max-depth", "3"], "--max-depth has no effect with --finder features"),
        (["--finder", "clusters"], "--features has no effect with --finder clusters"),
        (["--features", "groups"], "'groups' for --features. Did you mean 'group'"),
        (["--features", "buys"], "--features 'buys' is the label"),
        (["--features", ""], "--finder features needs --features"),
        (["--drop", "age,Age"], "no column 'Age' for --drop. Did you mean 'age'"),
        (["--drop", "group"], "--features 'group' is a column that is left out"),
        (["--drop", "buys"], "--drop 'buys' is the label"),
        (["--label", "Buys"], "no column 'Buys' for --label. Did you mean 'buys'"),
        (["--label", "zzz"], "There are 'group', 'age', 'income', 'member', 'buys'"),
        (["--alphas", "0"], "alphas of SubpopulationAudit must be .* above 0"),
        (["--min-test", "999"], "nothing to attack"),
        (["--html", "nowhere/r.html"], "there is no folder nowhere"),
        (["--html", "."], "--html . is a folder"),
        (["--summary", "people.csv"], "is the file of data too"),
        (["--summary", "./a.csv", "--results", "a.csv"], "the file of --summary too"),
        (["--checkpoint", "a.csv", "--results", "a.csv"], "file of --checkpoint"),
        (["--results", "r.html"], "--results writes CSV and must end in .csv"),
        (["--checkpoint", "nowhere/a.csv"], "checkpoint=.* does not exist. Make it"),
        (["--aux", "nobody.csv"], "nobody.csv does not exist"),
    ],
)  # fmt: skip
def test_errors_are_one_line_that_says_what_to_do(error, folder, args, message):
    before = sorted(p.name for p in folder.iterdir())
    assert re.search(message, error(*GROUPS, *args))
    assert sorted(p.name for p in folder.iterdir()) == before


def test_debug_shows_where_an_error_came_from(run):
    status, _, err = run(*GROUPS, "--drop", "zzz", "--debug")
    assert status == 1
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("skpoison: error: people.csv has no column")


def test_a_target_that_cannot_be_written_is_told_first(error, monkeypatch):
    def fail(**kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", fail)
    message = error(*GROUPS, "--html", "r.html")
    assert message == "--html r.html cannot be written: No space left on device."


# Tables ------------------------------------------------------


def changed(frame, path, **columns):
    frame.assign(**columns).to_csv(path, index=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"group,buys\n", "has no rows"),
        (b"group,buys,group\na,b,c\n", "more than one column 'group'"),
        (b"group;buys\na;b\n", "its only column is 'group;buys'.*--separator"),
        (b"group,buys\na,b\na,b,c\n", "cannot be read as a table: .* line 3"),
        (b"group,buys\na,b,c\na,b,c\n", "rows with more fields than its header"),
        (b"\xff\xfegroup,buys\n", "not text in UTF-8"),
        (b"group,buys\na,yes\nb,yes\n", "one value only, 'yes'"),
        (b"group,buys\na,\nb,\n", "has no label in column 'buys'"),
        (b"group,buys\na,0.5\nb,1\n", "holds fractions such as 0.5"),
        (b"group,buys\na,1\nb,2\n", "2 different values in 2 rows"),
        (b"buys\n1\n1\n2\n2\n", "no column 'group'"),
    ],
)
def test_tables_that_cannot_be_audited_are_told(error, content, message):
    with open("other.csv", "wb") as file:
        file.write(content)
    assert re.search(f"(?i){message}", error(*GROUPS, data="other.csv"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("peoples.csv", "does not exist. Did you mean 'people.csv'?"),
        ("people.txt", "must end in .csv, .tsv or .parquet"),
        ("folder.csv", "is a folder"),
    ],
)
def test_files_that_are_no_tables_are_told(error, folder, name, message):
    (folder / "folder.csv").mkdir()
    assert message in error(*GROUPS, data=name)


@needs_pyarrow
def test_broken_parquet_is_told(error, folder):
    (folder / "broken.parquet").write_bytes(b"PAR1")
    assert "cannot be read as Parquet" in error(*GROUPS, data="broken.parquet")


def test_parquet_without_pyarrow_is_told(error, folder, monkeypatch):
    (folder / "a.parquet").touch()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert "pip install pyarrow" in error(*GROUPS, data="a.parquet")


def test_missing_labels_are_counted_and_may_be_left_out(error, run, folder, frame):
    changed(frame, "holes.csv", buys=frame["buys"].where(frame.index >= 3))
    message = error(*SMALL, data="holes.csv")
    assert "3 of 400 rows without a label in column 'buys'" in message
    status, out, err = run(*SMALL, "--drop-missing-labels", data="holes.csv")
    assert status == 0
    assert "left out 3 rows of holes.csv without a label" in err
    assert "99 for the test" in out or "100 for the test" in out


def test_columns_that_tell_nothing_are_left_out_and_told(folder, frame):
    n = len(frame)
    changed(
        frame,
        "more.csv",
        id=[f"u{i}" for i in range(n)],
        number=range(n),
        empty=np.nan,
        half=[f"h{i // 2}" for i in range(n)],
    )
    pd.read_csv("more.csv").to_csv("more.csv")  # with an index
    tables, said = tables_of("more.csv", "--label", "buys", "--drop", "income")
    assert tables.numeric == ["age", "number"]
    assert tables.other == ["group", "member", "half"]
    said = " | ".join(said)
    assert "column 'Unnamed: 0': it has no name" in said
    assert "column 'empty': it has no values" in said
    assert "column 'id': 400 of its 400 texts are distinct" in said
    assert "column 'number' holds a different whole number in every row" in said
    assert "half" not in said
    with pytest.raises(UserError, match="no column left to predict 'buys' from"):
        tables_of("more.csv", "--label", "buys", "--drop",
                  "income,age,number,group,member,half")  # fmt: skip


def test_columns_are_prepared_on_the_clean_rows(folder, frame):
    changed(frame, "a.csv", group=frame["group"].where(frame.index % 7 > 0))
    tables, _ = tables_of("a.csv", "--label", "buys")
    model = make_victim(KNeighborsClassifier(), tables).fit(tables.X, tables.y)
    prepare = model["prepare"]
    Z = prepare.transform(tables.X)
    names = prepare.get_feature_names_out()
    assert len(names) == Z.shape[1] == 2 + 5 + 2
    Z = Z.toarray() if hasattr(Z, "toarray") else Z
    assert np.allclose(Z[:, :2].mean(axis=0), 0)
    assert (Z[frame.index % 7 == 0][:, 2:7].sum(axis=1) == 1).all()
    unknown = tables.X[:1].assign(group="new", income=None)
    unknown["income"] = unknown["income"].astype(float)
    z = prepare.transform(unknown)
    z = z.toarray() if hasattr(z, "toarray") else z
    assert (z[0, 2:7] == 0).all()
    assert np.isfinite(z).all()


def test_kinds_of_labels(folder, frame):
    for values, wanted in [
        (np.where(frame["buys"] == "yes", 1, 0), np.int64),
        (np.where(frame["buys"] == "yes", 1.0, 0.0), np.int64),
        (frame["buys"] == "yes", bool),
        (frame["buys"], object),
    ]:
        changed(frame, "a.csv", buys=values)
        tables, _ = tables_of("a.csv", "--label", "buys", "--test", "a.csv")
        assert tables.y.dtype == wanted
        assert tables.parts["y_test"].dtype == wanted
        assert (tables.parts["y_test"] == tables.y).all()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"age": "x"},
            "'age' holds numbers in people.csv and texts in b.csv, such as 'x'",
        ),
        ({"age": np.inf}, "'age' of b.csv is infinite in 400 rows"),
        ({"buys": "maybe"}, "label 'maybe', which people.csv has not"),
        ({"buys": np.nan}, "b.csv has no label"),
    ],
)
def test_other_tables_must_be_like_the_first(error, frame, columns, message):
    changed(frame, "b.csv", **columns)
    assert message in error(*SMALL, "--test", "b.csv")


def test_other_tables_need_all_columns(error, frame):
    frame.rename(columns={"income": "incomes"}).to_csv("b.csv", index=False)
    message = error(*SMALL, "--aux", "b.csv")
    assert "b.csv has no column 'income'" in message
    assert "Did you mean 'incomes'?" in message


def test_infinite_values_are_told(error, frame):
    changed(frame, "b.csv", age=frame["age"].where(frame.index > 1, -np.inf))
    assert "'age' of b.csv is infinite in 2 rows" in error(*SMALL, data="b.csv")


def test_separators(folder, frame):
    frame.to_csv("a.tsv", sep="\t", index=False)
    frame.to_csv("b.csv", sep=";", index=False)
    frame.to_csv("c.csv.gz", index=False)
    wanted, _ = tables_of("people.csv", "--label", "buys")
    for args in (["a.tsv"], ["b.csv", "--separator", ";"], ["c.csv.gz"]):
        tables, _ = tables_of(*args, "--label", "buys")
        pd.testing.assert_frame_equal(tables.X, wanted.X)


def test_spaces_after_commas_are_no_part_of_values(folder):
    with open("a.csv", "w") as file:
        file.write("group, buys\n" + "a, yes\nb, no\n" * 20)
    tables, _ = tables_of("a.csv", "--label", "buys")
    assert set(tables.y) == {"yes", "no"}


def test_names_with_commas():
    assert split_names('a, "b,c",d') == ["a", "b,c", "d"]
    assert split_names("") == []


def test_texts_keep_what_is_missing():
    column = as_texts(pd.Series([True, None, 3, "x"], dtype=object))
    assert column.tolist() == ["True", None, "3", "x"]


def test_clusters_are_fewer_in_a_small_table(folder, monkeypatch):
    finders = []

    class Stop(Exception):
        pass

    def stop(audit, *args, **kwargs):
        finders.append(audit.finder)
        raise Stop

    monkeypatch.setattr(SubpopulationAudit, "fit", stop)
    for args in ([], ["--min-test", "1"], ["--min-test", "60"], ["--n-clusters", "7"]):
        assert main(["audit", "people.csv", "--label", "buys", *args]) == 1
    assert all(isinstance(finder, ClusterMatch) for finder in finders)
    assert [finder.n_clusters for finder in finders] == [2, 50, 2, 7]


# What it says and when it stops ------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


def records(total=40):
    logger = logging.getLogger("skpoison.audit")
    for done in range(1, total + 1):
        left = 3.0 * (total - done)
        logger.info("%d of %d tasks done, about %.0f s left", done, total, left)


def test_progress_is_a_few_lines_in_a_file_and_one_line_on_a_terminal(
    capsys, monkeypatch
):
    with Progress(quiet=False):
        records()
    lines = capsys.readouterr().err.splitlines()
    assert 10 <= len(lines) <= 12
    assert lines[-1] == "100%  40 of 40 tasks, 0 s left"
    monkeypatch.setattr(sys, "stderr", Terminal())
    with Progress(quiet=False):
        records()
    shown = sys.stderr.getvalue()
    assert shown.count("\r") == 40
    assert shown.count("\n") == 1
    assert "  2%  1 of 40 tasks, 2 min left" in shown


def test_progress_leaves_the_log_as_it_was(capsys):
    logger = logging.getLogger("skpoison.audit")
    before = logger.level, list(logger.handlers)
    with Progress(quiet=True):
        records()
    with Progress(quiet=False):
        logger.info("another message")
    assert (logger.level, logger.handlers) == before
    assert capsys.readouterr().err == ""


def test_durations():
    seconds = [0.4, 89, 91, 3000, 7200]
    assert [*map(duration, seconds)] == ["0 s", "89 s", "2 min", "50 min", "2.0 h"]


def test_names_from_the_data_cannot_steer_a_terminal(run, folder, frame):
    group = frame["group"].replace({"a": "\x1b[31mred\x9b" + "x" * 60, "b": "c\x07"})
    changed(frame, "a.csv", group=group)
    status, out, err = run(*SMALL, data="a.csv")
    assert status == 0, err
    assert all(c.isprintable() for c in (out + err).replace("\n", ""))
    assert "group=\N{REPLACEMENT CHARACTER}[31mred" in out
    assert max(map(len, out.splitlines())) < 120


def start(folder, *args, **options):
    command = [sys.executable, "-m", "skpoison", "audit", "people.csv", *args]
    return subprocess.Popen(
        command, cwd=folder, stderr=subprocess.PIPE, text=True, **options
    )


def test_ctrl_c_says_what_is_kept_and_another_audit_leaves_it(folder, run):
    frame = make_frame(4000)
    frame.to_csv("people.csv", index=False)
    command = [*GROUPS, "--repeats", "30", "--estimator", "RandomForestClassifier",
               "--param", "n_estimators=20", "--alphas", "1"]  # fmt: skip
    with start(folder, *command, "--checkpoint", "kept.csv") as process:
        for line in process.stderr:
            if "%" in line:
                break
        process.send_signal(signal.SIGINT)
        err = process.stderr.read()
    assert process.returncode == 130
    assert "interrupted; what is done is in kept.csv" in err
    assert "Traceback" not in err
    kept = len(pd.read_csv("kept.csv", skiprows=1))
    command[command.index("--repeats") + 1] = "1"
    # Repeats are part of what makes an audit the same.
    status, _, err = run(*command, "--checkpoint", "kept.csv")
    assert (status, "differs in n_repeats" in err) == (1, True)
    assert len(pd.read_csv("kept.csv", skiprows=1)) == kept > 0


def test_ctrl_c_without_a_checkpoint_says_so(run, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(SubpopulationAudit, "fit", interrupted)
    status, out, err = run(*GROUPS)
    assert (status, out) == (130, "")
    assert "interrupted; nothing is kept. --checkpoint FILE" in err


def test_a_checkpoint_resumes(run, folder):
    status, wanted, _ = run(*SMALL, "--checkpoint", "kept.csv")
    assert status == 0
    before = time.monotonic_ns(), os.stat("kept.csv").st_size
    status, out, err = run(*SMALL, "--checkpoint", "kept.csv")
    assert (status, out) == (0, wanted)
    assert "tasks" not in err
    assert os.stat("kept.csv").st_size == before[1]


def test_a_reader_that_has_seen_enough_is_no_error(folder):
    args = [*SMALL, "--summary", "s.csv"]
    with start(folder, *args, stdout=subprocess.PIPE) as process:
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == 1
    assert "rror" not in err
    assert len(pd.read_csv("s.csv")) == 4
