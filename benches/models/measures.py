"""What is measured on a test part, and how two tools are compared over the folds.

Everything here is computed from the outcome and the predicted probability alone, with no help
from the tools that are compared, so that all of them are judged by the same few lines.
"""

import resource
import time

import numpy as np
from scipy import stats

SMALLEST_PROBABILITY = 1e-6


def clock():
    """Seconds of the wall and of the processors (this process and children that ended)."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    return np.array([time.perf_counter(), cpu])


def auc(bad, risk):
    """Area under the ROC curve; `risk` is higher for worse cases, ties count one half."""
    bad = np.asarray(bad) == 1
    ranks = stats.rankdata(risk)
    bads, goods = bad.sum(), (~bad).sum()
    return float((ranks[bad].sum() - bads * (bads + 1) / 2) / (bads * goods))


def ks(bad, risk):
    """Kolmogorov-Smirnov distance between the risks of bads and goods."""
    bad = np.asarray(bad) == 1
    risk = np.asarray(risk, dtype=float)
    return float(stats.ks_2samp(risk[bad], risk[~bad]).statistic)


def log_loss(bad, probability):
    """Mean negative log likelihood, probabilities kept SMALLEST_PROBABILITY away from 0 and 1."""
    bad = np.asarray(bad, dtype=float)
    p = np.clip(np.asarray(probability, float), SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return float(-np.mean(bad * np.log(p) + (1 - bad) * np.log(1 - p)))


def brier(bad, probability):
    """Mean squared error of the probability."""
    return float(np.mean((np.asarray(probability, float) - np.asarray(bad, float)) ** 2))


def all_measures(bad, probability):
    """The four figures of one test part."""
    return {
        "auc": auc(bad, probability),
        "ks": ks(bad, probability),
        "log_loss": log_loss(bad, probability),
        "brier": brier(bad, probability),
    }


def paired_difference(ours, theirs, test_share):
    """Mean of ours − theirs over the folds, with a 95 % interval.

    The training parts of two folds overlap, so the plain t interval is too narrow; this is the
    corrected resampled t of Nadeau and Bengio (Machine Learning 52, 2003), in which `test_share`
    is rows tested over rows trained (1/4 for five folds).
    """
    difference = np.asarray(ours, float) - np.asarray(theirs, float)
    folds = len(difference)
    mean = float(difference.mean())
    if folds < 2:
        return mean, float("nan"), float("nan")
    error = np.sqrt(difference.var(ddof=1) * (1 / folds + test_share))
    half = float(stats.t.ppf(0.975, folds - 1) * error)
    return mean, mean - half, mean + half
