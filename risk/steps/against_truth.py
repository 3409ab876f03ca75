"""Hold what is foretold against the true chances, which only made people have."""

from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from risk.steps.matrix import Flags, Floats

PARTS = 20


def against_truth(foretold: Floats, true: Floats, outcome: Flags) -> dict[str, Any]:
    """Return how near the foretold chances are to the true ones, person by person.

    `ece`: expected calibration error over twentieths of people by what is foretold,
    the weighted distance of its mean from that of the true chances. `share`: of the
    discrimination that the true chances themselves reach, over that of a coin.
    """
    order = np.argsort(foretold, kind="stable")
    error = sum(
        abs(float(foretold[part].mean() - true[part].mean())) * len(part)
        for part in np.array_split(order, PARTS)
        if len(part)
    )
    reached = float(roc_auc_score(outcome, foretold))
    possible = float(roc_auc_score(outcome, true))
    return {
        "people": len(foretold),
        "ece": error / max(len(foretold), 1),
        "auroc": reached,
        "true_auroc": possible,
        "share": (reached - 0.5) / (possible - 0.5),
        "foretold_mean": float(foretold.mean()),
        "true_mean": float(true.mean()),
        "observed": float(outcome.mean()),
    }
