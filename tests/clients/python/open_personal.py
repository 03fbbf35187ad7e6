#!/usr/bin/env python3
"""Opens personal parts sealed to an examiner, with age and pyarrow: open_personal.py KEY DIR [DIR]

DIR is a folder of `extract --personal`. The sealed file must have the SHA-256 that its manifest
lists, age must open it with KEY, and pyarrow must count as many rows as the manifest does. No id of
the bureau's may be in it, only pseudonyms; those of a second export to the same key must be the
same. Exits 1 on any difference.
"""

import hashlib
import io
import json
import pathlib
import re
import subprocess
import sys

import pyarrow.parquet

ID = re.compile(r'"(?!par_|inq_|psn_)[a-z]{3}_[0-9a-z]{26}"')


def opened(key, folder):
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (entry,) = manifest["files"]
    sealed = folder / entry["name"]
    assert hashlib.sha256(sealed.read_bytes()).hexdigest() == entry["sha256"], "SHA-256 differs"
    plain = subprocess.run(
        ["age", "-d", "-i", key, sealed], check=True, capture_output=True
    ).stdout
    rows = pyarrow.parquet.read_table(io.BytesIO(plain)).to_pylist()
    assert rows and len(rows) == entry["rows"], "another number of rows"
    for row in rows:
        json.loads(row["personal"])
        assert row["pseudonym"].startswith("psn_"), row["pseudonym"]
        assert not ID.search(row["personal"]), f"entry {row['index']} names somebody"
    return {row["index"]: row["pseudonym"] for row in rows}


def main():
    if len(sys.argv) < 3:
        print("usage: open_personal.py KEY DIR [DIR]", file=sys.stderr)
        return 2
    key, *folders = map(pathlib.Path, sys.argv[1:])
    first, *others = [opened(key, folder) for folder in folders]
    for other in others:
        assert all(other[index] == name for index, name in first.items()), "pseudonyms changed"
    print(f"ok {len(first)} personal parts of {len(set(first.values()))} persons, opened by age")
    return 0


if __name__ == "__main__":
    sys.exit(main())
