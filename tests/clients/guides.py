#!/usr/bin/env python3
"""Runs a guide as it stands: every block, in order, in an empty folder, as its reader would.

    guides.py GUIDE.md FOLDER

A block ```LANGUAGE FILE is saved as FILE; the blocks ```sh are one bash session, which stops at the
first command that fails. FOLDER is made anew but for `env`, a virtual environment that the guide's
own lines would make if it were not there.
"""

import pathlib
import re
import shutil
import subprocess
import sys


def blocks(text):
    """Each block with its info string, in order; an indented one is prose."""
    for match in re.finditer(r"^```([^\n]+)\n(.*?)^```$", text, re.S | re.M):
        yield match[1].split(), match[2]


def main():
    guide, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.name == "env":
            continue
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    script, saved = ["set -euo pipefail"], 0
    for info, body in blocks(guide.read_text(encoding="utf-8")):
        match info:
            case ["sh"]:
                script.append(body)
            case [_, name] if re.fullmatch(r"[a-z]+\.[a-z]+", name):
                (folder / name).write_text(body, encoding="utf-8")
                saved += 1
            case _:
                sys.exit(f"FAILED {guide.name}: a block is neither sh nor a file: {info}")
    if len(script) < 4 or saved < 2:
        sys.exit(f"FAILED {guide.name}: {len(script) - 1} commands and {saved} files were found")
    (folder / "guide.sh").write_text("\n".join(script), encoding="utf-8")
    done = subprocess.run(["bash", "guide.sh"], cwd=folder, text=True)
    verdict = "ok" if done.returncode == 0 else "FAILED"
    print(f"{verdict} {guide.name}: {len(script) - 1} blocks run, {saved} files saved")
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
