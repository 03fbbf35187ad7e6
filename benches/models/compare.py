#!/usr/bin/env python3
"""Measures `fivefold model` against the best tools of its field, on the same folds.

    benches/models/compare.py --fivefold target/release/fivefold --data-dir shared/data
    benches/models/compare.py --peers-only --only germancredit,taiwan-2005

It makes a virtual environment of its own with the pinned peers of requirements.txt, writes the
folds of every data set of sets.toml as CSV, trains and predicts with each tool, and writes
comparison.md: for each data set the mean AUC, KS, log loss, Brier and fit time, then the paired
differences of our two methods against each peer, with a 95 % interval.

Results are kept in WORK/results.json under the tool, its version (for ours the SHA-256 of the
binary), the data set and the fold; a second run measures only what is missing.
"""

import argparse
import pathlib
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).resolve().parent


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fivefold", type=pathlib.Path, help="the binary to measure")
    parser.add_argument("--peers-only", action="store_true", help="measure the peers alone")
    parser.add_argument("--data-dir", type=pathlib.Path, default=HERE.parents[1] / "../shared/data",
                        help="folder of the files that sets.toml names")
    parser.add_argument("--sets", type=pathlib.Path, default=HERE / "sets.toml")
    parser.add_argument("--only", help="data sets, comma-separated (default: all)")
    parser.add_argument("--tools", help="tools, separated by ';' (default: all)")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, help="threads of the peers")
    parser.add_argument("--method", default="boost,woe", help="our methods")
    parser.add_argument("--speed", action="store_true", help="also measure time and memory")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("/tmp/fivefold-compare"))
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("comparison.md"))
    parser.add_argument("--here", action="store_true", help="use this Python: make no environment")
    options = parser.parse_args()
    if not options.peers_only and options.fivefold is None:
        parser.error("--fivefold PATH is needed, or --peers-only")
    return options


def environment(work):
    """A virtual environment with the pinned peers; returns its Python."""
    home = work / "venv"
    python = home / "bin" / "python"
    wanted = (HERE / "requirements.txt").read_text()
    stamp = home / "requirements.txt"
    if not (python.exists() and stamp.exists() and stamp.read_text() == wanted):
        print(f"making {home}", file=sys.stderr)
        venv.create(home, with_pip=True, clear=True)
        # toad 0.1.7 asks for an older pandas than it needs, so nothing is resolved for it.
        pins = [line for line in wanted.splitlines() if line and not line.startswith("#")]
        alone = [pin for pin in pins if pin.startswith("toad")]
        others = [pin for pin in pins if pin not in alone]
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *others], check=True)
        subprocess.run([*install, "--no-deps", *alone], check=True)
        stamp.write_text(wanted)
    return python


def main():
    """Makes the environment if needed and hands over to run.py inside it."""
    options = arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.here:
        import run

        return run.run(options)
    python = environment(options.work)
    script = str(pathlib.Path(__file__).resolve())
    return subprocess.run([python, script, *sys.argv[1:], "--here"]).returncode


if __name__ == "__main__":
    sys.exit(main())
