"""A learning rate that falls to zero."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skorch.callbacks import Callback


class LinearDecay(Callback):
    """Lower the learning rate from batch to batch, to 0 after the last of a fit."""

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Remember where the rates start."""
        self.rates_ = [group["lr"] for group in net.optimizer_.param_groups]
        self.first_epoch_ = len(net.history)

    def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        """Count the batches to come."""
        n_batches = len(net.get_iterator(dataset_train, training=True))
        self.n_steps_ = n_batches * net.max_epochs
        self.step_ = n_batches * (len(net.history) - 1 - self.first_epoch_)

    def on_batch_begin(self, net, batch=None, training=None, **kwargs):
        """Set the rates of a step."""
        if not training:
            return
        left = 1 - self.step_ / self.n_steps_
        groups = net.optimizer_.param_groups
        for group, rate in zip(groups, self.rates_, strict=True):
            group["lr"] = rate * left
        self.step_ += 1

    def on_train_end(self, net, X=None, y=None, **kwargs):
        """Give the optimizer its rates back, for the next call of partial_fit."""
        for group, rate in zip(net.optimizer_.param_groups, self.rates_, strict=True):
            group["lr"] = rate
