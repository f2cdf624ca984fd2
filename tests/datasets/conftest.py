import tarfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from skpoison.datasets._adult_schema import SPLITS, Split

# Two rows with '?', rows of every kind of category, and the last has a category that
# the official test file lacks.
TRAIN = """\
39, State-gov, 77516, Bachelors, 13, Never-married, Adm-clerical, Not-in-family, \
White, Male, 2174, 0, 40, United-States, <=50K
54, ?, 180211, Some-college, 10, Married-civ-spouse, ?, Husband, \
Asian-Pac-Islander, Male, 0, 0, 60, South, >50K
17, Private, 65368, 11th, 7, Never-married, Sales, Own-child, \
White, Female, 0, 0, 12, ?, <=50K
52, Self-emp-inc, 287927, HS-grad, 9, Married-civ-spouse, Exec-managerial, Wife, \
White, Female, 15024, 0, 40, United-States, >50K
90, Private, 52386, Preschool, 1, Widowed, Other-service, Unmarried, \
Amer-Indian-Eskimo, Female, 0, 1672, 10, United-States, <=50K
32, Private, 27882, Some-college, 10, Never-married, Machine-op-inspct, \
Other-relative, Black, Female, 0, 2205, 40, Holand-Netherlands, <=50K

"""
TEST = """\
|1x3 Cross validator
25, Private, 226802, 11th, 7, Never-married, Machine-op-inspct, Own-child, \
Black, Male, 0, 0, 40, United-States, <=50K.
28, Local-gov, 336951, Assoc-acdm, 12, Married-civ-spouse, Protective-serv, Husband, \
White, Male, 0, 0, 40, United-States, >50K.
18, ?, 103497, Some-college, 10, Never-married, ?, Own-child, \
White, Female, 0, 0, 30, United-States, <=50K.
"""


@pytest.fixture(scope="session")
def real_home(data_home):
    """Folder with the real files as a path, or a skip."""
    return Path(data_home)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A data home with small copies of the official files, taken for complete."""
    monkeypatch.delenv("SKPOISON_DATA_HOME", raising=False)
    monkeypatch.setitem(SPLITS, "train", Split("adult.data", 6, 2, 77_516))
    monkeypatch.setitem(SPLITS, "test", Split("adult.test", 3, 1, 226_802))
    (tmp_path / "adult").mkdir()
    (tmp_path / "adult" / "adult.data").write_text(TRAIN)
    (tmp_path / "adult" / "adult.test").write_text(TEST)
    return tmp_path


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def website(tmp_path, monkeypatch):
    """A folder that a server on this machine shows, and its address."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "website"
    folder.mkdir()
    handler = partial(QuietHandler, directory=folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def publish(website):
    """A function that puts a folder on the website as an archive; gives its address."""
    folder, address = website

    def pack(path):
        with tarfile.open(folder / "archive.tar.gz", "w:gz") as tar:
            tar.add(path, arcname=path.name)
        return f"{address}/archive.tar.gz"

    return pack
