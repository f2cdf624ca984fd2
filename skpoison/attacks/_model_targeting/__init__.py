"""What attacks towards a target model share: its game, searches, refits and bounds."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause
