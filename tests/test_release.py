"""What is built, checked and published is what the package says."""

import importlib.util
import tomllib
from pathlib import Path

import pytest
import yaml

import skpoison

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
FORMS = sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml"))
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
# Minutes of the jobs that may take long.
LONGEST = {"soak": 240}

pytestmark = pytest.mark.skipif(
    not GITHUB.is_dir(), reason="The source distribution comes without .github/."
)


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def check_release():
    return load(GITHUB / "check_release.py")


@pytest.fixture
def checkout(tmp_path):
    """Version 1.2.3, told of in the changelog."""
    (tmp_path / "skpoison").mkdir()
    (tmp_path / "skpoison" / "__init__.py").write_text('__version__ = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## 1.2.3 - 2026-11-24\n\n### Added\n\n- Much.\n\n"
        "## 1.2.2 - 2026-10-01\n\n### Fixed\n\n- A bit.\n"
    )
    return tmp_path


def test_a_tag_that_agrees_is_released(check_release, checkout):
    assert check_release.main("v1.2.3", checkout) == 0


@pytest.mark.parametrize("tag", ["v1.2.4", "1.2.3", "v1.2.3rc1"])
def test_a_tag_of_another_version_is_refused(check_release, checkout, tag):
    assert check_release.main(tag, checkout) == (
        f"The tag is {tag}, and __version__ is 1.2.3."
    )


def test_a_version_in_development_is_refused(check_release, checkout):
    (checkout / "skpoison" / "__init__.py").write_text('__version__ = "1.2.3.dev0"\n')
    assert "1.2.3.dev0 is no version" in check_release.main("v1.2.3.dev0", checkout)


@pytest.mark.parametrize(
    "text",
    [
        "## Unreleased: 1.2.3\n\n- Much.\n",
        "## 1.2.3 - 2026-11-24\n\n## 1.2.2 - 2026-10-01\n\n- A bit.\n",
        "## 1.2.30 - 2026-11-24\n\n- Much.\n",
    ],
    ids=["without a date", "without entries", "of another version"],
)
def test_a_version_that_the_changelog_leaves_out_is_refused(
    check_release, checkout, text
):
    (checkout / "CHANGELOG.md").write_text(text)
    assert "has no section '## 1.2.3" in check_release.main("v1.2.3", checkout)


def test_the_wheel_is_checked_for_every_public_module():
    check_wheel = load(GITHUB / "check_wheel.py")
    listed = load(ROOT / "docs" / "api_reference.py").API_REFERENCE
    assert sorted(check_wheel.public_modules(skpoison)) == sorted(listed)


def test_archives_must_hold_what_they_should_and_no_more():
    compare = load(GITHUB / "check_dist.py").compare
    assert compare("a.whl", {"a", "b"}, {"a", "b"}) == []
    assert compare("a.whl", {"a", "b"}, {"a", "c"}) == [
        "a.whl lacks c.",
        "a.whl holds b.",
    ]


def parse(path):
    # YAML 1.1 reads the key `on` as True.
    return yaml.safe_load(path.read_text(encoding="utf-8").replace("\non:", "\n'on':"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_have_no_secret_and_the_least_rights(path):
    workflow = parse(path)
    assert workflow["on"]
    assert "secrets." not in path.read_text(encoding="utf-8")
    assert workflow["permissions"] in ({}, {"contents": "read"})
    for name, job in workflow["jobs"].items():
        assert set(job.get("needs", [])) <= set(workflow["jobs"]), name
        if "uses" in job:
            assert (ROOT / job["uses"]).is_file()
            continue
        assert job["timeout-minutes"] <= LONGEST.get(name, 45)
        if "id-token" in job.get("permissions", {}):
            assert "environment" in job
            assert not any("run" in step for step in job["steps"])


@pytest.mark.parametrize("name", ["ci", "nightly", "soak"])
def test_what_fails_with_nobody_looking_opens_an_issue(name):
    workflow = parse(GITHUB / "workflows" / f"{name}.yml")
    tell = workflow["jobs"].pop("tell")
    on_push = {
        job for job, about in workflow["jobs"].items() if "push" in about.get("if", "")
    }
    assert "schedule" in workflow["on"]
    assert set(tell["needs"]) == set(workflow["jobs"]) - on_push
    assert tell["if"] == "failure() && github.event_name == 'schedule'"
    assert tell["permissions"] == {"issues": "write"}
    assert tell["with"]["title"]


@pytest.fixture(scope="module")
def floors():
    return load(GITHUB / "floors.py")


def test_every_requirement_has_a_floor(floors):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = floors.pins(project, "test")
    required = [*project["dependencies"], *project["optional-dependencies"]["plot"]]
    for requirement in required:
        assert requirement.partition(",")[0].replace(">=", "==") in pins
    assert not any("skpoison" in pin or ">" in pin for pin in pins)


def test_floors_follow_the_extras_that_an_extra_names(floors):
    extras = {"test": ["skpoison[a,b-c]", "d>=4.0.1"], "a": ["e>=1"]}
    extras["b-c"] = ["f>=2,<3", "skpoison[a]"]
    project = {"dependencies": ["g-h>=5.1"], "optional-dependencies": extras}
    assert floors.pins(project, "test") == ["d==4.0.1", "e==1", "f==2", "g-h==5.1"]


@pytest.mark.parametrize("requirement", ["numpy", "numpy<3", "numpy==2.1"])
def test_a_requirement_without_a_floor_is_refused(floors, requirement):
    with pytest.raises(SystemExit, match="has no lower bound"):
        floors.pin(requirement)


@pytest.fixture
def compatibility(monkeypatch, tmp_path):
    module = load(GITHUB / "compatibility.py")
    monkeypatch.setattr(module, "TABLE", tmp_path / "table.csv")
    return module


def test_outcomes_of_other_releases_are_counted(compatibility, tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite tests="20" skipped="3" failures="2" errors="1"'
        ' time="90"/></testsuites>'
    )
    counts = compatibility.counted(report)
    del counts["date"]
    assert counts == {"passed": 14, "skipped": 3, "failed": 3, "minutes": 1.5}


def test_a_run_takes_the_place_of_the_one_before(compatibility):
    for command, python, passed in [
        ("b", "3.13", 1),
        ("a", "3.13", 2),
        ("b", "3.13", 3),
    ]:
        compatibility.keep({"command": command, "python": python, "passed": passed})
    rows = compatibility.TABLE.read_text().splitlines()
    assert rows == ["command,python,passed", "a,3.13,2", "b,3.13,3"]
    assert "command" in compatibility.TABLE.with_suffix(".json").read_text()


def test_a_row_says_how_to_repeat_it(compatibility):
    given = "newest --python /opt/bin/python3.13 --with polars==1.* tests/refit"
    options = compatibility.parser().parse_intermixed_args(given.split())
    assert compatibility.command(options) == (
        "python .github/compatibility.py newest --python python3.13"
        ' --with "polars==1.*" tests/refit'
    )


def test_a_release_is_checked_before_it_is_published():
    jobs = parse(GITHUB / "workflows" / "release.yml")["jobs"]
    commands = " ".join(step.get("run", "") for step in jobs["build"]["steps"])
    for needed in ("check_release.py", "make dist", "check_wheel.py", "make test"):
        assert needed in commands
    assert jobs["publish"]["needs"] == ["build"]
    assert jobs["publish"]["permissions"] == {"id-token": "write"}


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_issue_forms_ask_for_something(path):
    form = parse(path)
    if path.name == "config.yml":
        assert form == {"blank_issues_enabled": True}
        return
    assert form["name"]
    assert form["description"]
    asked = [field for field in form["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in asked}) == len(asked)
    assert any(field.get("validations", {}).get("required") for field in asked)
    assert all(field["attributes"]["label"] for field in asked)
