#!/usr/bin/env python3
"""Opens an extract with engines that know nothing of Fivefold: open_extract.py DIR

Every Parquet file in DIR must be named in DIR/manifest.json with its SHA-256 and its number of
rows, every file named there must exist, and DuckDB and pyarrow must both read every column and
count the same rows. Prints a table; exits 1 on any difference.
"""

import hashlib
import json
import pathlib
import sys

import duckdb
import pyarrow.parquet


def sha256(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def rows_in_duckdb(path):
    """Counts by reading all columns: a count alone would be answered from the footer."""
    with duckdb.connect() as connection:
        described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)])
        names = [row[0].replace('"', '""') for row in described.fetchall()]
        touched = " + ".join(f'(hash("{name}") & 1)' for name in names)
        query = f"SELECT count(*), sum({touched}) FROM read_parquet(?)"
        return connection.execute(query, [str(path)]).fetchall()[0][0]


def rows_in_pyarrow(path):
    with pyarrow.parquet.ParquetFile(path) as file:
        return sum(batch.num_rows for batch in file.iter_batches())


def differences(entry, path):
    """(rows by DuckDB, rows by pyarrow, what is wrong with the file)."""
    if not path.is_file():
        return None, None, ["missing"]
    wrong = []
    if sha256(path) != entry["sha256"].lower().removeprefix("sha256:"):
        wrong.append("SHA-256 differs")
    counts = []
    for name, count in (("DuckDB", rows_in_duckdb), ("pyarrow", rows_in_pyarrow)):
        try:
            counts.append(count(path))
        except Exception as error:  # an engine that cannot open a file is the finding
            counts.append(None)
            wrong.append(f"{name} cannot read it: {error}")
            continue
        if counts[-1] != entry["rows"]:
            wrong.append(f"{name} counts otherwise")
    return counts[0], counts[1], wrong


def main():
    if len(sys.argv) != 2:
        print("usage: open_extract.py DIR", file=sys.stderr)
        return 2
    folder = pathlib.Path(sys.argv[1])
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    named = {entry["name"]: entry for entry in manifest["files"]}
    here = {str(path.relative_to(folder)) for path in folder.rglob("*.parquet")}
    ok, failed = 0, 0
    width = max([len(name) for name in here | set(named)] + [4])
    print(f"{'file':<{width}}  {'manifest':>9}  {'DuckDB':>9}  {'pyarrow':>9}")
    for name in sorted(here | set(named)):
        if name in named:
            entry = named[name]
            in_duckdb, in_pyarrow, wrong = differences(entry, folder / name)
            counts = [entry["rows"], in_duckdb, in_pyarrow]
        else:
            counts, wrong = [None] * 3, ["not in the manifest"]
        cells = "  ".join(f"{'-' if count is None else count:>9}" for count in counts)
        print(f"{name:<{width}}  {cells}")
        if wrong:
            failed += 1
            print(f"FAILED {name}: {'; '.join(wrong)}")
        else:
            ok += 1
            print(f"ok {name} opens and agrees with the manifest")
    if not here:
        failed += 1
        print(f"FAILED {folder}: no Parquet file in it")
    print(f"extract: {ok} ok, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
