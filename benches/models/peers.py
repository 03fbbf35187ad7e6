"""The peers: each learns from a training frame and gives the probability of bad for a test frame.

Settings are the tool's own defaults, or what its documentation recommends, and the same on every
data set. Nothing is tuned to a data set: neither here nor on our side.
"""

import contextlib
import io
import warnings

import lightgbm
import numpy as np
import pandas as pd
from interpret.glassbox import ExplainableBoostingClassifier
from optbinning import BinningProcess, Scorecard
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

SEED = 7
threads = 2
MISSING = "missing"


def _filled(x, dataset):
    """Categories as text, missing as a category of its own; numbers as they are."""
    x = x.copy()
    for column in dataset.categorical:
        x[column] = x[column].astype("object").where(x[column].notna(), MISSING).astype(str)
    return x.astype({c: "object" for c in dataset.categorical})


class Ebm:
    """InterpretML's explainable boosting machine, with or without its pairs."""

    def __init__(self, **settings):
        self.settings = settings

    def fit(self, x, bad, dataset):
        types = ["nominal" if c in dataset.categorical else "continuous" for c in x.columns]
        self.dataset = dataset
        self.model = ExplainableBoostingClassifier(
            feature_types=types, n_jobs=threads, random_state=SEED, **self.settings)
        self.model.fit(_filled(x, dataset), bad)

    def predict(self, x):
        return self.model.predict_proba(_filled(x, self.dataset))[:, 1]


class LightGbm:
    """LightGBM with its defaults, or slower and smaller; trees counted by cross-validation."""

    def __init__(self, **settings):
        self.settings = {
            "objective": "binary", "metric": "auc", "verbosity": -1, "seed": SEED,
            "num_threads": threads, "deterministic": True, "force_row_wise": True, **settings}

    def _frame(self, x):
        x = x.copy()
        for column in self.dataset.categorical:
            x[column] = pd.Categorical(x[column], categories=self.levels[column])
        x.columns = [f"c{i}" for i in range(x.shape[1])]
        return x

    def fit(self, x, bad, dataset):
        self.dataset = dataset
        self.levels = {c: sorted(x[c].dropna().unique()) for c in dataset.categorical}
        table = lightgbm.Dataset(self._frame(x), bad, free_raw_data=False)
        history = lightgbm.cv(
            self.settings, table, num_boost_round=2000, nfold=5, stratified=True, seed=SEED,
            callbacks=[lightgbm.early_stopping(50, verbose=False)])
        rounds = max(1, len(history["valid auc-mean"]))
        self.model = lightgbm.train(self.settings, table, num_boost_round=rounds)

    def predict(self, x):
        return self.model.predict(self._frame(x), num_threads=threads)


class Logistic:
    """Logistic regression: median and a flag for missing numbers, one-hot categories."""

    def fit(self, x, bad, dataset):
        self.dataset = dataset
        numbers = [c for c in x.columns if c not in dataset.categorical]
        steps = [
            ("number", make_pipeline(SimpleImputer(strategy="median", add_indicator=True),
                                     StandardScaler()), numbers),
            ("category", OneHotEncoder(handle_unknown="ignore", min_frequency=5),
             dataset.categorical)]
        self.model = make_pipeline(ColumnTransformer(steps), LogisticRegression(max_iter=3000))
        self.model.fit(_filled(x, dataset), bad)

    def predict(self, x):
        return self.model.predict_proba(_filled(x, self.dataset))[:, 1]


class OptBinning:
    """optbinning's scorecard: BinningProcess, logistic regression, points by PDO and odds."""

    def fit(self, x, bad, dataset):
        self.dataset = dataset
        process = BinningProcess(
            variable_names=list(x.columns), categorical_variables=dataset.categorical,
            special_codes=_codes(dataset))
        self.model = Scorecard(
            binning_process=process, estimator=LogisticRegression(max_iter=3000),
            scaling_method="pdo_odds", rounding=True,
            scaling_method_params={"pdo": 20, "odds": 50, "scorecard_points": 600})
        self.model.fit(x, bad, metric_special="empirical", metric_missing="empirical")

    def predict(self, x):
        return self.model.predict_proba(x)[:, 1]

    def score(self, x):
        """The rounded points, as a lender would use them."""
        return self.model.score(x)


def _codes(dataset):
    codes = sorted({v for values in dataset.special.values() for v in values})
    return codes or None


class Scorecardpy:
    """scorecardpy: woebin, woebin_ply, logistic regression."""

    def fit(self, x, bad, dataset):
        import scorecardpy

        self.tool, self.dataset = scorecardpy, dataset
        x = _filled(x, dataset).assign(outcome=bad)
        self.bins = self._quiet(scorecardpy.woebin, x, y="outcome", positive="1", no_cores=1,
                                check_cate_num=False)
        woe = self._quiet(scorecardpy.woebin_ply, x, self.bins, no_cores=1)
        self.columns = [c for c in woe.columns if c.endswith("_woe")]
        self.model = LogisticRegression(max_iter=3000)
        self.model.fit(woe[self.columns].fillna(0), bad)

    def predict(self, x):
        x = _filled(x, self.dataset)
        woe = self._quiet(self.tool.woebin_ply, x, self.bins, no_cores=1)
        return self.model.predict_proba(woe[self.columns].fillna(0))[:, 1]

    @staticmethod
    def _quiet(function, *arguments, **named):
        with contextlib.redirect_stdout(io.StringIO()):
            return function(*arguments, **named)


class Toad:
    """toad: Combiner by decision trees, WOETransformer, logistic regression."""

    def fit(self, x, bad, dataset):
        import toad

        self.dataset = dataset
        x = _filled(x, dataset)
        self.combiner = toad.transform.Combiner()
        self.combiner.fit(x.assign(outcome=bad), y="outcome", method="dt", min_samples=0.05,
                          empty_separate=True)
        self.woe = toad.transform.WOETransformer()
        table = self.woe.fit_transform(self.combiner.transform(x), pd.Series(bad, index=x.index))
        self.model = LogisticRegression(max_iter=3000).fit(table.fillna(0), bad)

    def predict(self, x):
        table = self.woe.transform(self.combiner.transform(_filled(x, self.dataset)))
        return self.model.predict_proba(table.fillna(0))[:, 1]


# In the order in which they are measured: the quick ones first.
PEERS = {
    "logistic regression": Logistic,
    "optbinning": OptBinning,
    "scorecardpy": Scorecardpy,
    "toad": Toad,
    "LightGBM, its defaults": LightGbm,
    "LightGBM": lambda: LightGbm(learning_rate=0.03, num_leaves=15, min_data_in_leaf=20,
                                 feature_fraction=0.8, bagging_fraction=0.8, bagging_freq=1),
    "EBM, no pairs": lambda: Ebm(interactions=0),
    "EBM": Ebm,
}


def fit_and_predict(name, train, test, dataset, clock):
    """Fits one peer and predicts: (probabilities, time to fit, time to predict)."""
    peer = PEERS[name]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = clock()
        peer.fit(train[dataset.columns], dataset.bad(train), dataset)
        fitted = clock()
        probability = np.asarray(peer.predict(test[dataset.columns]), dtype=float)
        return probability, fitted - start, clock() - fitted
