"""Where a data set lies on disk, and what is said where it does not."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from pathlib import Path
from typing import NamedTuple


class Source(NamedTuple):
    """Whose function reads which data set, and where a fresh copy is to be had."""

    fetcher: str
    title: str
    homepage: str
    subfolder: str

    def places(self, home, folder):
        """List the paths at which `folder` is looked for."""
        return [Path(home) / self.subfolder / folder, Path(home) / folder]

    def missing(self, home, folder, content, last):
        """Word the message for a folder that is nowhere, or has not all its files."""
        places = " or ".join(str(path) for path in self.places(home, folder))
        return (
            f"{self.fetcher} did not find {content} of the {self.title} data set. "
            f"Take the official files from {self.homepage} and put the unpacked folder "
            f"at\n  {places}\nor point data_home, or the environment variable "
            f"SKPOISON_DATA_HOME, at the folder that has it. {last}"
        )

    def damaged(self, where, problem):
        """Word the message for files that are not the official ones."""
        return (
            f"{self.fetcher} cannot use {where}: {problem}. This is not the official "
            f"{self.title} data set, or a damaged copy; get a fresh one from "
            f"{self.homepage}."
        )


def visible(folder):
    """List the entries of a folder by name, without hidden ones such as .DS_Store."""
    paths = (path for path in Path(folder).iterdir() if not path.name.startswith("."))
    return sorted(paths, key=lambda path: path.name)
