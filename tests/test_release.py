"""What is built, checked and published is what the package says."""

import importlib.util
from pathlib import Path

import pytest
import yaml

import skpoison

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
FORMS = sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml"))
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))

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
        assert job["timeout-minutes"] <= 45
        assert set(job.get("needs", [])) <= {*workflow["jobs"], *"build"}, name
        if "id-token" in job.get("permissions", {}):
            assert "environment" in job
            assert not any("run" in step for step in job["steps"])


def test_a_release_is_checked_before_it_is_published():
    jobs = parse(GITHUB / "workflows" / "release.yml")["jobs"]
    commands = " ".join(step.get("run", "") for step in jobs["build"]["steps"])
    for needed in ("check_release.py", "make dist", "check_wheel.py", "make test"):
        assert needed in commands
    assert jobs["publish"]["needs"] == "build"
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
