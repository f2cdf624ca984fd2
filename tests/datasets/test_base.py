from pathlib import Path

import pytest

from skpoison.datasets import get_data_home


def test_argument_comes_before_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SKPOISON_DATA_HOME", str(tmp_path / "variable"))
    assert get_data_home(tmp_path / "argument") == str(tmp_path / "argument")
    assert not (tmp_path / "variable").exists()


def test_environment_comes_before_default(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SKPOISON_DATA_HOME", str(tmp_path / "variable"))
    assert get_data_home() == str(tmp_path / "variable")
    assert not (tmp_path / "skpoison_data").exists()


@pytest.mark.parametrize("value", [None, ""])
def test_default_is_below_the_home_folder(tmp_path, monkeypatch, value):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SKPOISON_DATA_HOME", raising=False)
    if value is not None:
        monkeypatch.setenv("SKPOISON_DATA_HOME", value)
    assert get_data_home() == str(tmp_path / "skpoison_data")


def test_tilde_is_expanded_and_folders_are_created(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    home = get_data_home("~/a/b")
    assert home == str(tmp_path / "a" / "b")
    assert Path(home).is_dir()


def test_bad_type():
    with pytest.raises(TypeError, match="'data_home' parameter of get_data_home"):
        get_data_home(3)
