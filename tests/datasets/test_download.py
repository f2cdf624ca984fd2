import hashlib
import io
import os
import tarfile

import pytest

from skpoison.datasets._download import DownloadError, download_folder


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "original" / "data"
    (path / "sub").mkdir(parents=True)
    (path / "one").write_text("1")
    (path / "sub" / "two").write_text("2")
    return path


def left(target):
    return os.listdir(target.parent) if target.parent.exists() else []


def test_folder_comes_whole_and_alone(folder, publish, tmp_path):
    target = tmp_path / "home" / "data"
    download_folder(publish(folder), target)
    assert (target / "one").read_text() == "1"
    assert (target / "sub" / "two").read_text() == "2"
    assert left(target) == ["data"]


def test_checksum(folder, publish, website, tmp_path):
    url, target = publish(folder), tmp_path / "home" / "data"
    with pytest.raises(DownloadError, match=r"has the sha256 .*, not 00"):
        download_folder(url, target, "00")
    assert left(target) == []
    archive = (website[0] / "archive.tar.gz").read_bytes()
    download_folder(url, target, hashlib.sha256(archive).hexdigest())
    assert left(target) == ["data"]


def test_existing_folder_is_left_alone(folder, publish, tmp_path):
    target = tmp_path / "home" / "data"
    target.mkdir(parents=True)
    (target / "mine").write_text("mine")
    with pytest.raises(DownloadError, match="is there but incomplete; remove or"):
        download_folder(publish(folder), target)
    assert os.listdir(target) == ["mine"]


def test_missing_page(website, tmp_path):
    target = tmp_path / "home" / "data"
    with pytest.raises(DownloadError, match=r"failed: HTTPError: .* 404"):
        download_folder(f"{website[1]}/nothing.tar.gz", target)
    assert left(target) == []


def test_no_answer(website, tmp_path):
    with pytest.raises(DownloadError, match="failed: URLError"):
        download_folder("http://127.0.0.1:1/x.tar.gz", tmp_path / "data")


def test_connection_that_breaks_off(folder, publish, website, tmp_path, monkeypatch):
    """The server announces more than it sends."""
    url, target = publish(folder), tmp_path / "home" / "data"
    archive = website[0] / "archive.tar.gz"
    size = archive.stat().st_size

    def stat(file, _stat=os.fstat):
        values = list(_stat(file))
        if values[6] == size:
            values[6] += 1000
        return os.stat_result(values)

    monkeypatch.setattr("http.server.os.fstat", stat)
    with pytest.raises(DownloadError, match=f"broke off after {size} of {size + 1000}"):
        download_folder(url, target)
    assert left(target) == []


@pytest.mark.parametrize("keep", [0, 20, -30])
def test_damaged_archive(folder, publish, website, tmp_path, keep):
    url, target = publish(folder), tmp_path / "home" / "data"
    archive = website[0] / "archive.tar.gz"
    archive.write_bytes(archive.read_bytes()[:keep])
    with pytest.raises(DownloadError, match="failed: "):
        download_folder(url, target)
    assert left(target) == []


@pytest.mark.parametrize("name", ["../escaped", "/escaped", "data/../../../escaped"])
def test_archive_that_leaves_its_folder(website, tmp_path, name):
    folder, address = website
    with tarfile.open(folder / "bad.tar.gz", "w:gz") as tar:
        info = tarfile.TarInfo(name)
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
    target = tmp_path / "home" / "data"
    with pytest.raises(DownloadError, match="failed: "):
        download_folder(f"{address}/bad.tar.gz", target)
    assert left(target) == []
    assert not list(tmp_path.rglob("escaped"))


def test_archive_without_the_folder(folder, publish, tmp_path):
    with pytest.raises(DownloadError, match="failed: FileNotFoundError"):
        download_folder(publish(folder), tmp_path / "home" / "other")


@pytest.mark.parametrize("scheme", ["file", "data", "ftp"])
def test_only_addresses_of_the_web_are_opened(scheme, tmp_path):
    (tmp_path / "x.tar.gz").touch()
    with pytest.raises(DownloadError, match="addresses begin with https://"):
        download_folder(f"{scheme}://{tmp_path}/x.tar.gz", tmp_path / "data")
