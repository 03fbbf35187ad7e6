#!/usr/bin/env python3
"""Checks that a printed scorecard is the whole truth: every row scored by hand from the table.

    table_check.py --scorecard scorecard.toml --data test.csv --scores scores.csv

A second implementation that reads only the TOML and the CSV, with exact decimals and no code of
the first: sums base points, the points of each characteristic and of each pair, rounds once,
clamps; compares the score, and the probability that the scale gives. Exit 1 on any difference.
"""

import argparse
import csv
import decimal
import sys
import tomllib
from decimal import Decimal

decimal.getcontext().prec = 60
MISSING = {"", "na", "n/a", "nan", "null", "?", ".", "-", "--", "#n/a", "#n/a n/a", "<na>", "\\n",
           "missing", "-nan", "nil"}
# The probability is printed in parts per million.
PROBABILITY_OFF_MAX = 2e-6


def number(text):
    """An exact decimal, or None."""
    try:
        value = Decimal(text)
    except decimal.InvalidOperation:
        return None
    return value if value.is_finite() else None


def plain(value):
    """A number as the table prints a category: no zeros at the end, no exponent."""
    text = format(value.normalize(), "f")
    return "0" if text in ("-0", "") else text


def cell(text):
    """None for missing, a Decimal, or text."""
    text = text.strip()
    if text.lower() in MISSING or text == "None":
        return None
    value = number(text)
    if value is not None:
        return value
    return text.lower() if text.lower() in ("true", "false") else text


def written(value):
    """A cell as a category is written."""
    return plain(value) if isinstance(value, Decimal) else value


def limit(units, entry):
    """A limit of a bin as a number."""
    return Decimal(units).scaleb(-entry.get("column", {}).get("decimals", 0))


def special(value, entry):
    """The special value that a cell is, if any."""
    for one in entry.get("column", {}).get("special", []):
        if isinstance(value, Decimal):
            known = number(one["value"])
            if known is not None and known == value:
                return one
        elif one["value"] == value:
            return one
    return None


def entry_points(entry, value):
    """Points of one characteristic; None where the table says nothing about the cell."""
    if value is None:
        return entry["no_data"]
    column = entry.get("column", {})
    if column.get("kind") == "category":
        for group in column["group"]:
            if written(value) in group["values"]:
                return group["points"]
        return column["other"]
    found = special(value, entry)
    if found is not None:
        return found["points"]
    if not isinstance(value, Decimal):
        return None
    for one in entry["bins"]:
        above = "from" not in one or value >= limit(one["from"], entry)
        below = "to" not in one or value < limit(one["to"], entry)
        if above and below:
            return one["points"]
    return None


def place(axis, entry, value):
    """Place of a cell on an axis of a pair; None where it has none."""
    groups, cuts = axis.get("groups", []), axis.get("cuts", [])
    if groups:
        if value is None:
            return len(groups) + 1
        found = [i for i, group in enumerate(groups) if written(value) in group]
        return found[0] if found else len(groups)
    if value is None or special(value, entry) is not None:
        return len(cuts) + 1
    if not isinstance(value, Decimal):
        return None
    return sum(value >= limit(cut, entry) for cut in cuts)


def total(card, row):
    """The sum of a row in parts of a point; None when a cell has no place in the table."""
    entries = {entry["name"]: entry for entry in card["characteristic"]}
    sum_ = card["scale"]["base_points"]
    for name, entry in entries.items():
        points = entry_points(entry, cell(row[name]))
        if points is None:
            return None
        sum_ += points
    for pair in card.get("pair", []):
        places = [place(axis, entries[name], cell(row[name]))
                  for axis, name in zip(pair["axes"], pair["of"])]
        if None in places:
            return None
        sum_ += pair["points"][places[0]][places[1]]
    return sum_


def score(card, sum_):
    """Half a point up, kept within the range."""
    scale = card["scale"]
    unit = scale.get("unit", 1)
    return max(scale["min"], min(scale["max"], (2 * sum_ + unit) // (2 * unit)))


def probability(card, sum_):
    """bad = 1 / (1 + base odds · 2^((points − odds_at) / pdo)), kept within the range."""
    scale = card["scale"]
    unit = scale.get("unit", 1)
    points = max(scale["min"], min(scale["max"], sum_ / unit))
    return 1 / (1 + scale["base_odds"] * 2 ** ((points - scale["odds_at"]) / scale["pdo"]))


def check(card, rows, scores):
    """Differences in words, at most ten, and their number."""
    out, count = [], 0
    if len(rows) != len(scores):
        return [f"{len(rows)} rows, {len(scores)} scores"], 1
    for i, (row, said) in enumerate(zip(rows, scores)):
        sum_ = total(card, row)
        if sum_ is None:
            if said["score"] == "":
                continue
            problem = f"row {i + 1}: scored {said['score']}, but a cell is not in the table"
        else:
            mine, bad = score(card, sum_), probability(card, sum_)
            if str(mine) != said["score"]:
                problem = f"row {i + 1}: the table gives {mine}, predict gave {said['score']}"
            elif abs(bad - float(said["probability_bad"])) > PROBABILITY_OFF_MAX:
                problem = f"row {i + 1}: probability {bad:.6f}, predict {said['probability_bad']}"
            else:
                continue
        count += 1
        if len(out) < 10:
            out.append(problem)
    return out, count


def main():
    """Reads the three files, prints differences."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scorecard", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--scores", required=True)
    options = parser.parse_args()
    with open(options.scorecard, "rb") as file:
        card = tomllib.load(file)
    with open(options.data, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    with open(options.scores, newline="", encoding="utf-8") as file:
        scores = list(csv.DictReader(file))
    problems, count = check(card, rows, scores)
    print("\n".join(problems + [f"{len(rows)} rows, {count} differences"]))
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
