"""Time and memory: fitting, predicting from file to file, a large table.

Each figure is the least of three runs, so that a busy machine does least harm; both sides run on
the same machine one after the other. Of `fivefold` a whole command is timed, start to exit.
"""

import os
import subprocess
import sys
from itertools import chain

import datasets
import numpy as np
import ours
import pandas as pd
import peers
from measures import clock

RUNS = 3
ROWS_PREDICT = 300_000
ROWS_LARGE, COLUMNS_LARGE = 1_000_000, 30


def section(options):
    """Markdown of all of it."""
    table, note = fit_table(options)
    home = options.work / "speed"
    home.mkdir(exist_ok=True)
    lines = ["\n## Time and memory\n", f"{note}; least of {RUNS} runs: seconds of the wall, and of "
             f"the processors. Peers run with threads = {options.threads}.\n",
             "| what | fivefold | CPU | peer | CPU | times faster | by CPU |",
             "| --- |" + " ---: |" * 6]
    for what, mine, theirs in chain(fits(options, table, home), predicts(options, table, home)):
        cells = [what, *shown(mine), *shown(theirs), *faster(mine, theirs)]
        lines.append(f"| {' | '.join(cells)} |")
        print(lines[-1], file=sys.stderr, flush=True)
    if not options.peers_only:
        lines += large(options, home)
    return "\n".join(lines) + "\n"


def shown(seconds):
    """Wall and processor seconds, or dashes for what was not measured."""
    return ["–", "–"] if seconds is None else [f"{s:.3f}" for s in seconds]


def faster(mine, theirs):
    """How many times faster, by the wall and by the processors."""
    if mine is None or theirs is None:
        return ["–", "–"]
    return [f"{ratio:.1f}" for ratio in theirs / mine]


def fit_table(options):
    """30,000 × 18: the statements of Taiwan 2005, or a synthetic table where it is not there."""
    sets = datasets.read_sets(options.sets)
    try:
        dataset = datasets.load("taiwan-2005", options.data_dir, sets)
        dataset.frame = dataset.frame.drop(columns="LIMIT_BAL")
        return dataset, "Taiwan 2005, 30,000 × 18 (statements only)"
    except FileNotFoundError:
        dataset = datasets.load("synthetic-large", options.data_dir, sets)
        first = dataset.frame.iloc[:30_000].reset_index(drop=True)
        again = first.drop(columns="bad").iloc[::-1].reset_index(drop=True).iloc[:, :8]
        dataset.frame = first.join(again.add_suffix("_again"))
        return dataset, "synthetic, 30,000 × 18"


def least(run):
    """Least wall and least processor seconds of RUNS runs."""
    times = []
    for _ in range(RUNS):
        start = clock()
        run()
        times.append(clock() - start)
    return np.min(times, axis=0)


def fits(options, dataset, home):
    """Rows of the table about fitting."""
    data = home / "train.csv"
    dataset.frame.to_csv(data, index=False)
    mine = {"woe": None, "boost": None}
    if not options.peers_only:
        for method in mine:
            words = ours.train_words(options.fivefold, method, dataset, data,
                                     home / f"{method}.toml")
            mine[method] = least(lambda: ours.call(*words))
    for method, peer in [("woe", "optbinning"), ("boost", "EBM, no pairs"), ("boost", "EBM")]:
        if options.peers_only and peer == "EBM":
            continue
        theirs = least(lambda: fit(peer, dataset))
        yield f"fit: `{method}`, whole command, to {peer}, in memory", mine[method], theirs


def fit(peer, dataset):
    """One fit of a peer on a frame in memory."""
    model = peers.PEERS[peer]()
    model.fit(dataset.frame[dataset.columns], dataset.bad(), dataset)
    return model


def predicts(options, dataset, home):
    """Rows of the table about predicting from file to file."""
    model = fit("optbinning", dataset)
    copies = -(-ROWS_PREDICT // len(dataset.frame))
    rows = pd.concat([dataset.frame] * copies, ignore_index=True).iloc[:ROWS_PREDICT]
    rows = rows[dataset.columns]
    for kind in ("csv", "parquet"):
        source, result = home / f"rows.{kind}", home / f"scores.{kind}"
        write(rows, source)
        theirs = least(lambda: score_file(model, source, home / f"peer.{kind}"))
        mine = None
        if not options.peers_only:
            for method in ("woe", "boost"):
                words = [options.fivefold, "model", "predict", "--scorecard",
                         home / f"{method}.toml", "--data", source, "--out", result]
                mine = least(lambda: ours.call(*words))
                yield (f"predict {ROWS_PREDICT:,} rows, {kind} to {kind}: `{method}` to "
                       "`Scorecard.score`"), mine, theirs
        else:
            yield f"predict {ROWS_PREDICT:,} rows, {kind} to {kind}", None, theirs
    memory = least(lambda: model.score(rows))
    yield f"(`Scorecard.score` of {ROWS_PREDICT:,} rows in memory)", None, memory


def write(frame, path):
    """CSV or Parquet by the name."""
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)


def score_file(model, source, result):
    """optbinning from file to file: read, score, write."""
    rows = pd.read_csv(source) if source.suffix == ".csv" else pd.read_parquet(source)
    write(pd.DataFrame({"score": model.score(rows)}), result)


def large(options, home):
    """Lines about 1,000,000 × 30: seconds and the most memory held."""
    data = home / "large.parquet"
    if not data.exists():
        write(large_table(), data)
    lines = ["", f"| {ROWS_LARGE:,} × {COLUMNS_LARGE}, Parquet | seconds | most memory, GiB |",
             "| --- | ---: | ---: |"]
    for method in options.method.split(","):
        words = [options.fivefold, "model", "train", "--data", data, "--target", "bad",
                 "--positive", "1", "--method", method, "--out", home / f"large-{method}.toml"]
        start = clock()[0]
        child = subprocess.Popen([str(w) for w in words], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        seconds, memory = clock()[0] - start, usage.ru_maxrss / 1024 / 1024
        failed = "" if status == 0 else f" (failed: {os.waitstatus_to_exitcode(status)})"
        lines.append(f"| `train --method {method}`{failed} | {seconds:.1f} | {memory:.2f} |")
    return lines


def large_table():
    """SYNTHETIC: a million rows of thirty numbers, a third whole, some missing, 8 % bad."""
    rng = np.random.default_rng(datasets.SEED)
    out, logit = {}, np.zeros(ROWS_LARGE)
    for i in range(COLUMNS_LARGE):
        value = rng.normal(size=ROWS_LARGE)
        logit += value * (0.5 / (1 + i))
        out[f"x{i:02}"] = value.round(3) if i % 3 else np.exp(value + 4).round()
        if i % 5 == 2:
            out[f"x{i:02}"] = np.where(rng.random(ROWS_LARGE) < 0.1, np.nan, out[f"x{i:02}"])
    frame = pd.DataFrame(out)
    frame["bad"] = (rng.random(ROWS_LARGE) < 1 / (1 + np.exp(2.6 - logit))).astype(int)
    return frame
