"""Run the paper's studies at their smallest size, twice, and compare the tables.

    python benchmarks/paper_smoke.py ../shared/data

The folder has the packed data sets that ``convert_data.py`` reads. Two runs with one
seed must give the same bytes on a CPU. In the place of MiniLM stands a tiny transformer
with random weights, so that nothing is downloaded. CI runs this as ``make smoke``.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import os
import shutil
import string
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
import transformers

HERE = Path(__file__).parent
EMBEDDINGS = "utkface_mobilefacenet_128_f16.npy"
STUDIES = ("paper_cifar10", "paper_utkface", "paper_imdb", "paper_capacity")


def run_study(name, home, folder):
    """Run one study; its tables by the names of their files."""
    command = [sys.executable, str(HERE / f"{name}.py"), "--size", "smoke"]
    command += ["--work", str(folder), "--results", str(folder)]
    environment = os.environ | {"SKPOISON_DATA_HOME": str(home)}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return {file.name: file.read_bytes() for file in sorted(folder.glob("*.csv"))}


def write_checkpoint(folder):
    """Write a transformer of random weights that reads texts letter by letter."""
    letters = string.ascii_lowercase + string.digits + string.punctuation
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words += [*letters, *(f"##{letter}" for letter in letters)]
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    transformers.BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


def main():
    """Run all studies twice."""
    parser = argparse.ArgumentParser(description="The paper's studies, small, twice.")
    parser.add_argument("packed", type=Path, help="folder of the packed data sets")
    packed = parser.parse_args().packed
    if not (packed / "load.py").is_file():
        print(f"make smoke: skipped, as the packed data sets are not in {packed}")
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        subprocess.run(
            [sys.executable, str(HERE / "convert_data.py"), str(packed), str(home)],
            check=True,
        )
        shutil.copytree(packed / "adult", home / "adult")
        shutil.copy(packed / "utkface" / EMBEDDINGS, home / "utkface")
        os.environ["SKPOISON_CHECKPOINT"] = str(write_checkpoint(Path(folder) / "bert"))
        for name in STUDIES:
            start = time.time()
            first, second = (
                run_study(name, home, Path(folder) / name / run) for run in "ab"
            )
            if not first or first != second:
                raise SystemExit(f"{name}: two runs with one seed differ")
            seconds = time.time() - start
            print(f"{name}: {len(first)} tables, twice the same, {seconds:.0f} s")


if __name__ == "__main__":
    main()
