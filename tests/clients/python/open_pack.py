#!/usr/bin/env python3
"""Opens regulator's packs with tools that know nothing of Fivefold: open_pack.py PACK… EXTRACT

PACK is a folder with a manifest.json of `report regulator`. Every file must have the SHA-256 that
the manifest lists, pyarrow must read every table, and the PDF must hold the same files. In the
supervisory edition and in a furnisher's statement DuckDB runs each .sql file, unchanged, over the Parquet files of EXTRACT: the
rows must be those of the result table, in their order. The public edition must not tell a count of
persons from 1 to 9. Exits 1 on any difference.
"""

import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

import duckdb
import pyarrow.parquet


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rows_of(path):
    table = pyarrow.parquet.read_table(path)
    return table.column_names, [tuple(row.values()) for row in table.to_pylist()]


def engine(extract, pack):
    connection = duckdb.connect()
    tables = list(extract.glob("*.parquet"))
    tables += [pack / "scope.parquet", *pack.glob("counted.parquet")]
    for path in tables:
        connection.execute(f"CREATE VIEW {path.stem} AS SELECT * FROM read_parquet('{path}')")
    return connection


def attached(pdf):
    """The files inside a PDF, by name."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["pdfdetach", "-saveall", "-o", folder, pdf], check=True, capture_output=True)
        return {path.name: path.read_bytes() for path in pathlib.Path(folder).iterdir()}


def differences(pack, extract):
    manifest = json.loads((pack / "manifest.json").read_text(encoding="utf-8"))
    listed = {entry["name"]: entry for entry in manifest["files"]}
    for name, entry in listed.items():
        if sha256(pack / name) != entry["sha256"]:
            yield f"{name}: SHA-256 differs"
        if "rows" in entry and len(rows_of(pack / name)[1]) != entry["rows"]:
            yield f"{name}: pyarrow counts otherwise"
    inside = {path.name for path in pack.iterdir() if path.suffix != ".pdf"}
    for document in manifest["documents"]:
        files = attached(pack / document["name"])
        if set(files) != inside:
            yield f"{document['name']}: other files are attached than lie in the folder"
        for name in set(files) & inside:
            if files[name] != (pack / name).read_bytes():
                yield f"{document['name']}: {name} is another one inside"
    if manifest["edition"] == "public":
        for name in listed:
            names, rows = rows_of(pack / name) if name.endswith(".parquet") else ([], [])
            if "shown" in names and any(row[-1] not in SHOWN for row in rows):
                yield f"{name}: a row does not say how it is shown"
        return
    connection = engine(extract, pack)
    queries = sorted(pack.glob("*.sql"))
    if not queries:
        yield "there is no SQL"
    for path in queries:
        result = connection.execute(path.read_text(encoding="utf-8"))
        found = [column[0] for column in result.description], result.fetchall()
        if found != rows_of(path.with_suffix(".parquet")):
            yield f"{path.name}: DuckDB gives other rows"


SHOWN = {"as it is", "small ones together", "withheld"}


def main():
    if len(sys.argv) < 3:
        print("usage: open_pack.py PACK… EXTRACT", file=sys.stderr)
        return 2
    *packs, extract = map(pathlib.Path, sys.argv[1:])
    failed = 0
    for pack in packs:
        wrong = list(differences(pack, extract))
        for what in wrong:
            print(f"FAILED {pack}: {what}")
        failed += bool(wrong)
        if not wrong:
            print(f"ok {pack} opens and agrees with its manifest and with DuckDB")
    print(f"packs: {len(packs) - failed} ok, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
