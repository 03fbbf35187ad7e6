"""`fivefold model train` and `predict` as a tool beside the peers: only its command line."""

import csv
import hashlib
import subprocess

import numpy as np

TIMEOUT_S = 1800
SEED = 7


class Refused(Exception):
    """The command line answered with something other than 0."""


def version(binary):
    """First digits of the binary's SHA-256: results of another build are measured again."""
    return hashlib.sha256(binary.read_bytes()).hexdigest()[:12]


def call(*words):
    """Runs one command; raises Refused with its own words when it fails."""
    try:
        done = subprocess.run([str(w) for w in words], capture_output=True, text=True,
                              timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise Refused(f"no answer in {TIMEOUT_S} s: {' '.join(map(str, words))}") from None
    if done.returncode != 0:
        raise Refused(f"exit {done.returncode}: {' '.join(map(str, words))}\n{done.stderr[-2000:]}")
    return done.stdout


def train_words(binary, method, dataset, data, card):
    """The whole `model train` command."""
    words = [binary, "model", "train", "--data", data, "--target", dataset.target,
             "--positive", dataset.positive, "--method", method, "--seed", SEED, "--out", card]
    if dataset.categorical:
        words += ["--categorical", ",".join(dataset.categorical)]
    for column, values in dataset.special.items():
        words += ["--special", f"{column}={','.join(map(str, values))}"]
    return words


def fit_and_predict(binary, method, train, test, dataset, folder, clock):
    """Trains and predicts by files: (probabilities, time to fit, time to predict, score)."""
    folder.mkdir(parents=True, exist_ok=True)
    card, scores = folder / f"{method}.toml", folder / f"{method}-scores.csv"
    start = clock()
    call(*train_words(binary, method, dataset, train, card))
    fitted = clock()
    call(binary, "model", "predict", "--scorecard", card, "--data", test, "--out", scores)
    predicted = clock() - fitted
    probability, score = read_scores(scores)
    return probability, fitted - start, predicted, score


def read_scores(path):
    """probability_bad and score of a file that `predict` wrote."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    probability = np.array([float(row["probability_bad"]) for row in rows])
    score = np.array([int(row["score"]) for row in rows])
    return probability, score
