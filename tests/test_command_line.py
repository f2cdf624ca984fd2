"""The audit from the shell, for people who have a table and no script."""

import contextlib
import importlib.util
import io
import logging
import os
import pickle
import re
import signal
import subprocess
import sys
import warnings

import joblib
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


@pytest.fixture(scope="module")
def whole(tmp_path_factory, frame):
    """What one audit with all its files says, and the folder of these."""
    folder = tmp_path_factory.mktemp("whole")
    frame.to_csv(folder / "people.csv", index=False)
    args = ["audit", folder / "people.csv", *SMALL, "--html", folder / "r.html"]
    args += ["--results", folder / "r.csv", "--summary", folder / "s.csv"]
    args += ["--checkpoint", folder / "kept.csv"]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        assert main(list(map(str, args))) == 0
    return out.getvalue(), err.getvalue(), folder


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


def test_a_table_becomes_a_report(whole):
    out, err, folder = whole
    assert "200 rows for training, 100 of the attacker, 100 for the test." in out
    assert "4 of 4 subpopulations were attacked." in out
    summary, results = pd.read_csv(folder / "s.csv"), pd.read_csv(folder / "r.csv")
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
    # Threads, as processes would spend seconds on imports.
    with joblib.parallel_config(backend="threading"):
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
def test_parquet_gives_the_same(run, whole, frame):
    wanted = whole[0]
    frame.to_parquet("people.parquet")
    status, out, _ = run(*SMALL, data="people.parquet")
    assert (status, out) == (0, wanted)


def test_on_adult(data_home, folder, run):
    adult = fetch_adult(data_home=data_home).frame
    adult.sample(3000, random_state=0).to_csv("adult.csv", index=False)
    status, out, err = run(
        "--label", "income", "--finder", "features", "--features", "race,sex",
        "--alphas", "1",
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
        ["--worst", "-1"],
        ["--separator", ""],
        ["--separator", ", "],
    ],
)
def test_wrong_usage_is_status_2(run, args):
    args = args if "--label" in args or not args else ["--label", "buys", *args]
    with pytest.raises(SystemExit) as exit:
        run(*args)
    assert exit.value.code == 2


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("--jobs", "0", "a whole number from 1, or -1 for one task per core"),
        ("--seed", "-1", "a whole number from 0 to 4294967295"),
        ("--seed", "4294967296", "a whole number from 0 to 4294967295"),
        ("--repeats", "two", "a whole number from 1"),
        ("--worst", "-1", "a whole number from 0"),
    ],
)
def test_wrong_numbers_are_told_with_their_option(run, capsys, option, value, allowed):
    with pytest.raises(SystemExit) as exit:
        run(*GROUPS, option, value)
    assert exit.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.endswith(f"error: argument {option}: {value!r} is not {allowed}")


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


@pytest.mark.parametrize("name", ["SGDClassifier", "LinearDiscriminantAnalysis"])
def test_every_classifier_is_found(name):
    assert type(make_model(name, [])).__name__ == name


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
        (b"g;buys\na;b\nb;a\n1,5;a\n", "saw 2 Its only column is 'g;buys'.*separator"),
        (b"g;buys\n1,5;b\n", "than its header. Its only column is 'g;buys'"),
        (b"group,buys\na,b\na,b,c\n", "cannot be read as a table: .* line 3"),
        (b"group,buys\na,b,c\na,b,c\n", "rows with more fields than its header"),
        (b"\xff\xfegroup,buys\n", "not text in UTF-8"),
        (b"group,buys\na,yes\nb,yes\n", "one value only, 'yes'"),
        (b"group,buys\na,\nb,\n", "has no label in column 'buys'"),
        (b"group,buys\na,0.5\nb,1\n", "holds fractions such as 0.5"),
        (b"group,buys\na,inf\nb,1\n", "holds numbers such as inf"),
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


@pytest.mark.parametrize(
    ("n_classes", "is_told"),
    [(150, True), (101, True), (60, True), (48, False), (11, False)],
)
def test_quantities_in_whole_numbers_are_no_classes(folder, n_classes, is_told):
    n = 480 if n_classes != 101 else 2000
    changed(make_frame(n), "a.csv", buys=np.arange(n) % n_classes)
    if n_classes == 60:  # which has 8 rows each, and then 7
        changed(make_frame(420), "a.csv", buys=np.arange(420) % n_classes)
    if is_told:
        message = f"{n_classes} different numbers, with .*: a quantity, and an audit"
        with pytest.raises(UserError, match=message):
            tables_of("a.csv", "--label", "buys")
    else:
        assert tables_of("a.csv", "--label", "buys")[0].y.nunique() == n_classes


def test_few_rare_classes_are_classes(folder, frame):
    rare = np.where(frame.index < 385, 0, frame.index % 3)
    changed(frame, "a.csv", buys=rare)
    assert tables_of("a.csv", "--label", "buys")[0].y.nunique() == 3
    names = np.char.add("c", (np.arange(400) % 150).astype(str))
    changed(frame, "a.csv", buys=names)
    assert tables_of("a.csv", "--label", "buys")[0].y.nunique() == 150


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
    # Other processes get it so.
    copy = pickle.loads(pickle.dumps(model))
    assert (copy.predict(tables.X) == model.predict(tables.X)).all()


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
    ("values", "dtype"),
    [
        ([1e19, 2e19], np.float64),
        ([2.0**63, -(2.0**63)], np.float64),
        ([2**63 + 1, 2**63 + 2], np.uint64),
        ([2**63 - 1, 0], np.int64),
    ],
)
def test_large_labels_stay_what_they_are(folder, frame, values, dtype):
    labels = np.where(frame["buys"] == "yes", *np.array(values, dtype))
    changed(frame, "a.csv", buys=labels)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tables, _ = tables_of("a.csv", "--label", "buys", "--test", "a.csv")
    assert tables.y.dtype == dtype
    assert (tables.y == labels).all()
    assert (tables.parts["y_test"] == labels).all()


def test_large_labels_are_audited_like_others(run, whole, frame):
    labels = np.where(frame["buys"] == "yes", *np.array([2**63 + 2, 2**63 + 1], "u8"))
    changed(frame, "a.csv", buys=labels)
    status, out, err = run(*SMALL, data="a.csv")
    assert status == 0, err
    assert out == whole[0]


def test_labels_of_another_table_become_of_the_same_kind(folder, frame):
    changed(frame, "a.csv", buys=[0, 2**63] * 200)
    changed(frame, "b.csv", buys=0)
    tables, _ = tables_of("a.csv", "--label", "buys", "--test", "b.csv")
    assert tables.y.dtype == tables.parts["y_test"].dtype == np.uint64


@needs_pyarrow
@pytest.mark.parametrize("dtype", ["Int8", "UInt64", "boolean"])
def test_labels_of_nullable_columns(folder, frame, dtype):
    buys = (frame["buys"] == "yes").astype(dtype)
    frame.assign(buys=buys).to_parquet("a.parquet")
    tables, _ = tables_of("a.parquet", "--label", "buys")
    assert tables.y.dtype == (bool if dtype == "boolean" else np.int64)


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
    ages = frame["age"].astype(float).where(frame.index > 1, -np.inf)
    changed(frame, "b.csv", age=ages)
    assert "'age' of b.csv is infinite in 2 rows" in error(*SMALL, data="b.csv")


def test_separators_and_suffixes(folder, frame):
    frame.to_csv("a.tsv", sep="\t", index=False)
    frame.to_csv("b.csv", sep=";", index=False)
    frame.to_csv("c.csv.gz", index=False)
    wanted, _ = tables_of("people.csv", "--label", "buys")
    frame.to_csv("D.CSV", index=False)
    frame.to_csv("E.TSV", sep="\t", index=False)
    if importlib.util.find_spec("pyarrow"):
        frame.assign(member=frame["member"].astype(str)).to_parquet("F.PARQUET")
    upper = [[p.name] for p in folder.glob("[D-F].*")]
    assert len(upper) >= 2
    for args in (["a.tsv"], ["b.csv", "--separator", ";"], ["c.csv.gz"], *upper):
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
    logger.info("%d of %d tasks done", 0, total)
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
    assert lines[0] == "  0%  0 of 40 tasks"
    assert lines[-1] == "100%  40 of 40 tasks, 0 s left"
    monkeypatch.setattr(sys, "stderr", Terminal())
    with Progress(quiet=False):
        records()
    shown = sys.stderr.getvalue()
    assert shown.count("\r") == 41
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
    options = {"stderr": subprocess.PIPE, "text": True} | options
    return subprocess.Popen(command, cwd=folder, **options)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_end_says_what_is_kept_and_another_audit_leaves_it(folder, run, name):
    number = getattr(signal, name)
    command = [*SMALL, "--repeats", "50", "--estimator", "RandomForestClassifier",
               "--param", "n_estimators=5"]  # fmt: skip
    with start(folder, *command, "--checkpoint", "kept.csv") as process:
        for line in process.stderr:
            if "%" in line:
                break
        process.send_signal(number)
        err = process.stderr.read()
    assert process.returncode == 128 + number
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


def test_a_checkpoint_resumes(run, folder, whole):
    wanted, _, before = whole
    kept = (before / "kept.csv").read_bytes()
    (folder / "kept.csv").write_bytes(kept)
    status, out, err = run(*SMALL, "--checkpoint", "kept.csv")
    assert (status, out) == (0, wanted)
    assert "tasks" not in err
    assert (folder / "kept.csv").read_bytes() == kept


@pytest.fixture
def left():
    """A pipe that its reader has left."""
    reader, writer = os.pipe()
    os.close(reader)
    with contextlib.suppress(BrokenPipeError), open(writer, "w") as stream:
        yield stream


def test_a_reader_that_has_seen_enough_is_no_error(run, left, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", left)
        status, _, err = run(*SMALL, "--summary", "s.csv")
    assert status == 1
    assert "rror" not in err
    assert len(pd.read_csv("s.csv")) == 4
    left.flush()  # as Python does at its exit


@pytest.mark.parametrize("is_terminal", [False, True])
def test_an_audit_goes_on_when_nobody_reads_its_progress(
    run, left, monkeypatch, is_terminal
):
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", left)
        patch.setattr(left, "isatty", lambda: is_terminal)
        status, out, _ = run(*SMALL, "--summary", "s.csv", "--drop", "age")
    assert status == 0
    assert "4 of 4 subpopulations" in out
    assert len(pd.read_csv("s.csv")) == 4
    left.flush()


def test_head_of_both_streams_leaves_the_files(folder):
    args = [*SMALL, "--summary", "s.csv"]
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with start(folder, *args, **both) as process:
        first = process.stdout.readline()
        process.stdout.close()
    assert "tasks" in first
    assert process.returncode == 1
    assert len(pd.read_csv("s.csv")) == 4


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_table_that_does_not_fit_is_told(run, monkeypatch):
    with monkeypatch.context() as patch, open("/dev/full", "w") as full:
        patch.setattr(sys, "stdout", full)
        status, _, err = run(*SMALL)
    assert status == 1
    assert err.endswith("skpoison: error: No space left on device\n")


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_stream_that_is_closed_is_no_error(run, monkeypatch, name):
    with monkeypatch.context() as patch:
        patch.setattr(sys, name, None)
        status, out, err = run(*SMALL, "--summary", "s.csv")
    assert (status, getattr(sys, name) is None) == (0, False)
    assert len(pd.read_csv("s.csv")) == 4
    assert ("4 of 4" in out, "tasks" in err) == (name == "stderr", name == "stdout")
    assert "tasks" not in out


def test_processes_inherit_a_stream_for_one_that_is_closed(run, monkeypatch):
    def fit(*args, **kwargs):
        raise ValueError(f"inherited: {os.get_inheritable(2)}")

    monkeypatch.setattr(SubpopulationAudit, "fit", fit)
    said = []
    monkeypatch.setattr("skpoison._command_line._main._say", said.append)
    kept = os.dup(2)
    try:
        os.close(2)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", None)
            run(*SMALL)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
    assert said == ["error: inherited: True"]


def test_debug_without_stderr_leaves_stdout_empty(run, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", None)
        assert run(*GROUPS, "--drop", "zzz", "--debug") == (1, "", "")


def test_warnings_are_told_once(run, folder, frame):
    changed(frame, "a.csv", rare=np.where(frame.index == 5, 1.0, np.nan))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        status, _, err = run(*SMALL, data="a.csv")
    assert status == 0
    warned = [line for line in err.splitlines() if "warning: " in line]
    assert "['rare']" in warned[0]
    assert len(warned) == len(set(warned))
