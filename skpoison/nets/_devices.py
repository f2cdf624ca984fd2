"""Where networks run."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import torch


def resolve_device(device):
    """Give the device that ``"auto"`` stands for: the first GPU, or else the CPU."""
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


def check_device(device, owner):
    """Raise where this machine has no such device.

    Parameters
    ----------
    device : str or torch.device
        Device, or ``"auto"``.

    owner : str
        Name of the estimator, for messages.
    """
    there = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        there.append("mps")
    try:
        wanted = torch.device(resolve_device(device))
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"device={device!r} of {owner} is no device of torch. This machine has "
            f"{there}; 'auto' takes the first GPU, or else the CPU."
        ) from error
    name = f"cuda:{wanted.index or 0}" if wanted.type == "cuda" else wanted.type
    if name not in there:
        raise ValueError(
            f"device={device!r} of {owner} is not there: this machine has {there}. "
            "Use device='auto' to take the first GPU, or else the CPU."
        )


class AnyDevice:
    """Mixin of nets of skorch whose device may be ``"auto"``."""

    # skorch asks `device` for a device of torch everywhere; the parameter stays "auto".
    @property
    def device(self):
        """Device that the parameter stands for."""
        return resolve_device(self.__dict__["device"])

    @device.setter
    def device(self, device):
        self.__dict__["device"] = device

    def __setstate__(self, state):
        """Take a state, on a machine that may have another device."""
        device = state.get("device", "auto")
        known = type(state)(state, device=resolve_device(device))
        super().__setstate__(known)
        if device == "auto":
            self.device = device
