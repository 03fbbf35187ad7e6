"""Markdown of the comparison."""

import measures
import peers

FIGURES = ["auc", "ks", "log_loss", "brier"]


def comparison(sets, rows, folds):
    """The whole document for the newest version of every tool."""
    rows = newest(rows)
    parts = [HEAD.format(folds=folds)]
    parts += [one_set(dataset, rows, folds) for dataset in sets]
    return "\n".join(parts)


HEAD = """# The laboratory beside its peers

Made by `benches/models/compare.py`; {folds}-fold, the same folds for every tool, nothing tuned to
a data set. AUC, KS, log loss and Brier are means over the test parts. Fit time is the median of a
fold: of the peers the call to fit on a frame in memory, of `fivefold` the whole command with
reading the CSV, choosing by cross-validation and writing the scorecard; "CPU" is the processors'
time of the same, which a busy machine disturbs less. A difference is ours minus theirs in AUC, paired by fold, with the corrected
95 % interval of Nadeau and Bengio (2003), and how many folds are ours.
"""


def newest(rows):
    """The rows of the last version measured of each tool on each data set."""
    last = {(r["tool"], r["set"]): r["version"] for r in rows}
    return [r for r in rows if last[r["tool"], r["set"]] == r["version"]]


def one_set(dataset, rows, folds):
    """Table of figures, then table of differences."""
    mine = [r for r in rows if r["set"] == dataset.name]
    tools = list(dict.fromkeys(r["tool"] for r in mine))
    order = list(peers.PEERS)
    tools.sort(key=lambda t: order.index(t) if t in order else -1)
    bad = dataset.bad()
    lines = [f"\n## {dataset.name}\n", f"{dataset.note}. {len(bad):,} × {len(dataset.columns)}, "
             f"{bad.mean():.1%} bad.\n",
             "| tool | AUC | KS | log loss | Brier | fit, s | CPU, s |",
             "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for tool in tools:
        lines.append(figures(tool, [r for r in mine if r["tool"] == tool]))
    ours = [t for t in tools if t.startswith("fivefold")]
    if ours:
        lines += ["", "| AUC difference to | " + " | ".join(ours) + " |",
                  "| --- |" + " ---: |" * len(ours)]
        for peer in (t for t in tools if t not in ours):
            cells = [difference(mine, tool, peer, folds) for tool in ours]
            lines.append(f"| {peer} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def figures(tool, rows):
    """One line: means over the folds, or what went wrong."""
    good = [r for r in rows if "error" not in r]
    if not good:
        return f"| {tool} | failed: {rows[0]['error'].splitlines()[0][:80]} | | | | | |"
    means = [sum(r[f] for r in good) / len(good) for f in FIGURES]
    wall, cpu = median(good, "fit_s"), median(good, "fit_cpu_s")
    note = "" if len(good) == len(rows) else f" ({len(rows) - len(good)} folds failed)"
    cells = " | ".join(f"{m:.4f}" for m in means)
    return f"| {tool}{note} | {cells} | {wall:.2f} | {cpu:.2f} |"


def median(rows, key):
    """Median over the folds."""
    return sorted(r[key] for r in rows)[len(rows) // 2]


def difference(rows, tool, peer, folds):
    """Ours minus theirs, its interval, and how many folds are ours."""
    auc = {(r["tool"], r["fold"]): r["auc"] for r in rows if "error" not in r}
    pairs = [(auc[tool, i], auc[peer, i]) for i in range(folds)
             if (tool, i) in auc and (peer, i) in auc]
    if not pairs:
        return "–"
    mean, low, high = measures.paired_difference(*zip(*pairs), 1 / (folds - 1))
    won = sum(a > b for a, b in pairs)
    return f"{mean:+.4f} ({low:+.4f} to {high:+.4f}), {won} of {len(pairs)}"
