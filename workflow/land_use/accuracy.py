"""How well a classification agrees with labels, from its confusion matrix (docs/metrics.md, Land use)."""

import numpy as np


def confusion(true: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Pixels [n, n] of each true (row) and predicted (column) class, from class numbers 0 to n - 1 of any equal shape."""
    pairs = np.ravel(true).astype(np.int64) * classes + np.ravel(predicted)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def accuracies(matrix: np.ndarray) -> dict[str, float]:
    """oa, aa, kappa, macro_f1 and miou, each at most 1, of a confusion matrix [n, n], rows true.

    oa: the share of correct pixels; aa: the mean recall; kappa: (oa - pe) / (1 - pe), where pe is the share correct by chance.
    aa, macro_f1 and miou are means over the classes that have true pixels. Without any pixels, all scores are nan.
    """
    matrix = matrix.astype(np.float64)
    right, true, predicted, total = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0), matrix.sum()
    present = true > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        oa, chance = right.sum() / total, (true * predicted).sum() / total**2
        kappa = (oa - chance) / (1 - chance)
        f1, iou = 2 * right / (true + predicted), right / (true + predicted - right)

    def mean(values: np.ndarray) -> float:
        return float(values[present].mean()) if present.any() else np.nan

    return {
        "oa": float(oa),
        "aa": mean(recall(matrix)),
        "kappa": float(kappa),
        "macro_f1": mean(f1),
        "miou": mean(iou),
    }


def recall(matrix: np.ndarray) -> np.ndarray:
    """[n]: the share of the true pixels of each class that is found, nan for a class without true pixels."""
    true = matrix.sum(axis=1)
    return np.divide(matrix.diagonal(), true, out=np.full(len(matrix), np.nan), where=true > 0)
