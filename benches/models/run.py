"""The comparison itself: every tool on every fold of every data set."""

import fcntl
import json
import sys
import traceback

import datasets
import measures
import ours
import tables


def run(options):
    """Measures what is missing, then writes the tables."""
    sets = datasets.read_sets(options.sets)
    names = options.only.split(",") if options.only else list(sets)
    store = Results(options.work / "results.json")
    loaded = []
    for name in names:
        try:
            dataset = datasets.load(name, options.data_dir, sets)
        except (FileNotFoundError, ImportError) as error:
            print(f"{name}: left out, {error}", file=sys.stderr)
            continue
        loaded.append(dataset)
        for tool in tools(options):
            measure(tool, dataset, options, store)
        options.out.write_text(tables.comparison(loaded, store.rows, options.folds))
    if options.speed:
        import speed

        options.out.write_text(
            tables.comparison(loaded, store.rows, options.folds) + speed.section(options))
    print(options.out.read_text())
    return 0


def tools(options):
    """(name, version) of each tool, ours first."""
    chosen = []
    if not options.peers_only:
        build = ours.version(options.fivefold)
        chosen += [(f"fivefold {method}", build) for method in options.method.split(",")]
    import importlib.metadata as packages
    import peers

    peers.threads = options.threads

    package = {"EBM": "interpret-core", "LightGBM": "lightgbm", "logistic": "scikit-learn"}
    for name in peers.PEERS:
        first = name.split(",")[0].split(" ")[0]
        chosen.append((name, packages.version(package.get(first, first))))
    if options.tools:
        wanted = [w.strip() for w in options.tools.split(";")]
        chosen = [tool for tool in chosen if tool[0] in wanted]
    return chosen


def measure(tool, dataset, options, store):
    """One tool on the folds of one data set; a failure is a row too."""
    name, build = tool
    folder = options.work / "folds"
    for i, train, test, train_frame, test_frame in datasets.folds(dataset, options.folds, folder):
        if store.has(name, build, dataset.name, i):
            continue
        row = {"tool": name, "version": build, "set": dataset.name, "fold": i}
        bad = dataset.bad(test_frame)
        try:
            if name.startswith("fivefold "):
                method = name.split(" ")[1]
                home = options.work / "ours" / dataset.name / str(i)
                risk, fit, predict, score = ours.fit_and_predict(
                    options.fivefold, method, train, test, dataset, home, measures.clock)
                row["auc_of_score"] = measures.auc(bad, -score)
            else:
                import peers

                risk, fit, predict = peers.fit_and_predict(
                    name, train_frame, test_frame, dataset, measures.clock)
            row |= measures.all_measures(bad, risk)
            row |= {"fit_s": fit[0], "fit_cpu_s": fit[1], "predict_s": predict[0]}
        except Exception as error:  # a tool that fails on a table is itself a finding
            row["error"] = f"{type(error).__name__}: {error}"[:600]
            traceback.print_exc(limit=-1, file=sys.stderr)
        store.add(row)
        print(json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()}),
              file=sys.stderr, flush=True)


class Results:
    """Rows measured so far, kept in one JSON file."""

    def __init__(self, path):
        self.path = path
        self.rows = json.loads(path.read_text()) if path.exists() else []

    def has(self, tool, version, name, fold):
        """Whether this very measurement is there."""
        key = (tool, version, name, fold)
        return any((r["tool"], r["version"], r["set"], r["fold"]) == key for r in self.rows)

    def add(self, row):
        """Keeps a row and writes the file, with what another run added meanwhile."""
        with open(self.path.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.path.exists():
                self.rows = json.loads(self.path.read_text())
            self.rows.append(row)
            self.path.write_text(json.dumps(self.rows, indent=0))
