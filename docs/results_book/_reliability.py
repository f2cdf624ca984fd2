"""What the long run of the tests of reliability found."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import pandas as pd

from ._registry import table


@table(
    "reliability_faults.csv",
    title="Audits that were started again after each signal until they ended by"
    " themselves: to one process or to all, at a random moment or at a step of a write."
    " Interrupted are the runs that the signal met before they were done. Bytes were"
    " compared once an audit had ended, and were those of an undisturbed one.",
)
def reliability_faults(faults):
    words = faults["fault"].str.split(" ", n=1, expand=True)
    numbers = ["cycles", "interrupted"]
    found = faults.groupby([words[0], words[1]])[numbers].sum().reset_index()
    found.loc[len(found)] = ["all", "", *found[numbers].sum()]
    return pd.DataFrame(
        {
            "signal": found[0],
            "sent": found[1],
            "runs": found["cycles"],
            "interrupted": found["interrupted"],
        }
    )


@table(
    "reliability_faults_other.csv",
    title="Other faults. Each audit ended with the bytes of an undisturbed one; of two"
    " at once, the interrupted are the processes that were refused.",
)
def reliability_faults_other(faults):
    return pd.DataFrame(
        {
            "fault": faults["fault"],
            "audit": faults["audit"],
            "runs": faults["cycles"],
            "interrupted": faults["interrupted"],
        }
    )
