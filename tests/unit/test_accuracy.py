"""Accuracies of a classification, against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn import metrics

from workflow.land_use.accuracy import accuracies, confusion, recall

# True and predicted classes of five: all of them; the truth lacks two, of which one is predicted; one class alone.
CASES = {"all": (range(5), range(5)), "absent": ([0, 2, 3], [0, 1, 2, 3]), "single": ([3], [1, 3])}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_scikit_learn(case, seed):
    draws = np.random.default_rng(seed)
    true, guess = (draws.choice(list(classes), 300) for classes in CASES[case])
    predicted = np.where(draws.random(300) < 0.5, true, guess)
    matrix, present = confusion(true, predicted, 5), np.unique(true)
    assert np.array_equal(matrix, metrics.confusion_matrix(true, predicted, labels=range(5)))
    shared = {"labels": present, "average": "macro", "zero_division": 0}
    expected = {
        "oa": metrics.accuracy_score(true, predicted),
        "aa": metrics.recall_score(true, predicted, **shared),
        "kappa": metrics.cohen_kappa_score(true, predicted),
        "macro_f1": metrics.f1_score(true, predicted, **shared),
        "miou": metrics.jaccard_score(true, predicted, **shared),
    }
    assert accuracies(matrix) == pytest.approx(expected, abs=1e-12)
    each = metrics.recall_score(true, predicted, labels=present, average=None)
    assert recall(matrix)[present] == pytest.approx(each) and np.isnan(np.delete(recall(matrix), present)).all()


def test_aa_is_recall_and_not_precision():
    """A hundred of class 0, ten of class 1; half of class 0 are called 1: precision 1 and 1/6, recall 1/2 and 1."""
    assert accuracies(np.array([[50, 50], [0, 10]]))["aa"] == pytest.approx(0.75)


def test_a_matrix_by_hand():
    found = accuracies(np.array([[4, 1, 0], [2, 2, 0], [0, 0, 1]]))
    assert found["oa"] == pytest.approx(0.7) and found["aa"] == pytest.approx((0.8 + 0.5 + 1) / 3)
    # pe = (5 * 6 + 4 * 3 + 1 * 1) / 100.
    assert found["kappa"] == pytest.approx((0.7 - 0.43) / 0.57)
    assert found["miou"] == pytest.approx((4 / 7 + 2 / 5 + 1) / 3)
    assert found["macro_f1"] == pytest.approx((8 / 11 + 4 / 7 + 1) / 3)


def test_the_constant_answer_on_the_test_image_of_pavia_centre():
    """93.04 % of its labelled pixels are of class 8 (spec 2.4)."""
    matrix = np.zeros((9, 9), int)
    matrix[[1, 5, 7, 8], 7] = 628, 762, 26_155, 567
    found = accuracies(matrix)
    assert found["oa"] == pytest.approx(0.9304, abs=5e-5) and found["aa"] == 0.25
    assert found["kappa"] == pytest.approx(0, abs=1e-12)


def test_no_pixels_at_all():
    assert all(np.isnan(value) for value in accuracies(np.zeros((3, 3), int)).values())
