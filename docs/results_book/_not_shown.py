"""Results that the book does not show, each with the reason."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

SINGLE = "single models, of which the summary beside it is shown"
SETTINGS = "seeds, versions and command of the study beside it"

NOT_SHOWN = {
    "adult_label_flip_groups.csv": SINGLE,
    "adult_label_flip_meta.json": SETTINGS,
    "attacks_adult.json": SETTINGS,
    "attacks_adult_groups.csv": SINGLE,
    "attacks_faces.json": SETTINGS,
    "attacks_faces_groups.csv": SINGLE,
    "attacks_oracle.json": SETTINGS,
    "attacks_oracle_groups.csv": SINGLE,
    "attacks_oracle_net.json": SETTINGS,
    "attacks_oracle_net_groups.csv": SINGLE,
    "attacks_witches_brew.csv": SINGLE,
    "attacks_witches_brew.json": SETTINGS,
    "defenses_adult.json": SETTINGS,
    "defenses_certificates.csv": SINGLE,
    "defenses_easy_cases.json": SETTINGS,
    "defenses_peers.csv": SINGLE,
    "grid_search_adult.csv": SINGLE,
    "impossibility_locality.json": "the correlations beside it, and settings",
    "impossibility_worlds.json": "the laws beside it, and settings",
    "paper_cifar10_small.csv": SINGLE,
    "paper_cifar10_small_worst.csv": "single seeds, of which the means are shown",
    "paper_imdb_small_transfer.csv": SINGLE,
    "paper_imdb_small_transfer_worst.csv": "single seeds, of which the means are shown",
    "paper_utkface_small_transfer.csv": SINGLE,
    "paper_utkface_small_transfer_worst.csv": (
        "single seeds, of which the means are shown"
    ),
    "reliability_faults.json": SETTINGS,
    "reliability_faults_other.json": SETTINGS,
}
