#!/usr/bin/env python3
"""Odd tables for `fivefold model`: what must be read, and what must be refused in words.

    odd_inputs.py --fivefold target/release/fivefold --work /tmp/odd [--only NAME,NAME]

Each case writes a training table, and sometimes another one to predict. A readable case must
train, give one score for each row, agree with its own printed table (table_check.py), and order
the outcome at least as well as its `auc`. A refused case must exit 1 or 2 and name in its message
what `says` lists. A case with `either` may be read or refused, but in words that a person
understands. No case may panic or run longer than a minute. Exit 1 when any case is wrong.
"""

import argparse
import csv
import dataclasses
import io
import json
import pathlib
import subprocess
import sys
import tomllib

import numpy as np
import pandas as pd

import measures
import table_check

TIMEOUT_S = 60
SEED = 11


@dataclasses.dataclass
class Case:
    """One odd table and what must come of it."""

    name: str
    train: bytes
    options: list = dataclasses.field(default_factory=list)
    test: bytes = None
    target: str = "bad"
    positive: str = "1"
    ok: bool = True
    says: list = dataclasses.field(default_factory=list)
    auc: float = 0.6
    suffix: str = "csv"
    text: bool = True
    either: bool = False


def base(n=800, seed=SEED):
    """A plain table with a signal: two numbers, one category, the outcome last."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=n).round(3), rng.integers(0, 50, n)
    kind = rng.choice(["rent", "own", "other"], n)
    logit = 1.5 * x + 0.03 * (y - 25) + 0.8 * (kind == "rent") - 1.2
    bad = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int)
    return pd.DataFrame({"x": x, "y": y, "kind": kind, "bad": bad})


def text(frame, **how):
    """CSV bytes."""
    return frame.to_csv(index=False, **how).encode()


def parquet(frame, **how):
    """Parquet bytes."""
    out = io.BytesIO()
    frame.to_parquet(out, index=False, **how)
    return out.getvalue()


def cases():
    """All of them."""
    yield from targets()
    yield from missing()
    yield from shapes_of_text()
    yield from numbers()
    yield from categories()
    yield from names()
    yield from broken()
    yield from sizes()
    yield from parquets()


def targets():
    """Outcomes of any two values."""
    values = [("yes", "no"), ("2", "1"), ("True", "False"), ("bad", "good"), ("1.0", "0.0"),
              ("Charged Off", "Fully Paid"), ("-1", "1"), ("Y", "N"), ("defaulté", "payé")]
    for bad, good in values:
        frame = base().assign(bad=lambda f, b=bad, g=good: np.where(f.bad == 1, b, g))
        yield Case(f"target {bad} or {good}", text(frame), positive=bad)
    swapped = base().assign(bad=lambda f: np.where(f.bad == 1, "bad", "good"))
    yield Case("positive is the good value", text(swapped), positive="good", auc=0.6)
    yield Case("positive not given, 0 and 1", text(base()), positive=None)
    words = base().assign(bad=lambda f: np.where(f.bad == 1, "1", "0").astype(object) + ".0")
    yield Case("positive 1 where the cells say 1.0", text(words), positive="1")
    three = base().assign(bad=lambda f: np.where(f.index == 500, 2, f.bad))
    yield Case("target of three values", text(three), ok=False, says=["bad", "501"])
    yield Case("target of one value", text(base().assign(bad=1)), ok=False, says=["bad"])
    hole = base().astype({"bad": object})
    hole.loc[41, "bad"] = None
    yield Case("target missing in one row", text(hole), ok=False, says=["bad", "42"])
    yield Case("positive is no value", text(base()), positive="yes", ok=False, says=["yes"])
    yield Case("no such target", text(base()), target="worse", ok=False, says=["worse"])
    few = base().assign(bad=lambda f: (f.index < 3).astype(int))
    yield Case("only three bads", text(few), ok=False, says=["3"])
    perfect = base().assign(bad=lambda f: (f.x > 0.5).astype(int))
    yield Case("target told by one column", text(perfect), auc=0.98)


def missing():
    """Every spelling of nothing, alone and together."""
    spellings = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", ".", "?", "-", "#N/A"]
    rng = np.random.default_rng(SEED)
    for word in [*spellings, " "]:
        frame = base().astype({"x": object, "kind": object})
        frame.loc[rng.random(len(frame)) < 0.2, "x"] = word
        frame.loc[rng.random(len(frame)) < 0.2, "kind"] = word
        yield Case(f"missing is {word!r}", text(frame), auc=0.55)
    frame = base().astype({"x": object})
    holes = rng.random(len(frame)) < 0.3
    frame.loc[holes, "x"] = rng.choice(spellings, holes.sum())
    yield Case("missing in every spelling", text(frame), auc=0.55)
    test = base(seed=SEED + 1).astype({"y": object, "kind": object})
    test.loc[::3, "y"] = None
    test.loc[::4, "kind"] = None
    yield Case("missing only when predicting", text(base()), test=text(test), auc=0.55)
    special = base().assign(y=lambda f: np.where(f.index % 5 == 0, -9, f.y))
    yield Case("special values", text(special), ["--special", "y=-9,-8"])
    spoken = base().astype({"y": object})
    spoken.loc[::5, "y"] = "never"
    yield Case("a word among numbers as special value", text(spoken), ["--special", "y=never"])
    yield Case("column all missing", text(base().assign(z=None)))
    nearly = base().assign(z=np.where(np.arange(800) == 7, 3.5, np.nan))
    yield Case("column missing but for one cell", text(nearly))


def shapes_of_text():
    """What spreadsheets and databases write."""
    frame = base()
    frame["kind"] = frame.kind + ", flat"
    yield Case("quoted commas", text(frame))
    yield Case("every cell quoted", text(base(), quoting=csv.QUOTE_ALL))
    yield Case("byte order mark", b"\xef\xbb\xbf" + text(base()))
    yield Case("byte order mark before a quoted name",
               b"\xef\xbb\xbf" + text(base(), quoting=csv.QUOTE_ALL))
    yield Case("carriage returns", text(base(), lineterminator="\r\n"))
    yield Case("old carriage returns alone", text(base(), lineterminator="\r"))
    yield Case("semicolons", text(base(), sep=";"), text=False)
    yield Case("semicolons and decimal commas", text(base(), sep=";", decimal=","), text=False)
    yield Case("tabs", text(base(), sep="\t"), text=False)
    yield Case("no line end at the end", text(base()).rstrip(b"\n"))
    yield Case("empty lines at the end", text(base()) + b"\n\n")
    yield Case("an empty line within", text(base()).replace(b"\n", b"\n\n", 1))
    spaced = text(base()).replace(b",", b", ")
    yield Case("spaces behind commas", spaced, text=False)
    latin = text(base().assign(kind=lambda f: f.kind + " é")).decode().encode("latin-1")
    yield Case("latin-1 letters", latin, text=False)
    broken_lines = base().assign(kind=lambda f: f.kind + "\nsecond line")
    yield Case("line ends within quotes", text(broken_lines))


def numbers():
    """Numbers as people and machines write them."""
    rng = np.random.default_rng(SEED)
    n = 800
    yield Case("constant column", text(base().assign(z=5, w="same")))
    yield Case("identifier column", text(base().assign(id=lambda f: "ID" + f.index.astype(str))))
    yield Case("number of the row as a column", text(base().assign(id=lambda f: f.index)))
    huge = base().assign(z=rng.integers(10**17, 9 * 10**18, n))
    huge["w"] = [str(10**25 + int(i)) for i in range(n)]
    yield Case("huge whole numbers", text(huge))
    yield Case("negative decimals", text(base().assign(z=lambda f: -np.abs(f.x) - 0.0005)))
    yield Case("scientific notation", text(base(), float_format="%.4e"))
    capital = base().assign(x=lambda f: [f"{v:.3E}" for v in f.x])
    yield Case("scientific notation in capitals, plus signs", text(capital))
    tiny = base().assign(x=lambda f: f.x * 1e-12)
    yield Case("numbers near zero", text(tiny))
    wide = base().assign(x=lambda f: np.exp(12 * f.x))
    yield Case("numbers over twenty decades", text(wide))
    long = base().assign(x=lambda f: [repr(float(v) / 3) for v in f.x])
    yield Case("seventeen digits", text(long))
    inf = base().astype({"x": object})
    inf.loc[::50, "x"] = "inf"
    inf.loc[1::50, "x"] = "-inf"
    yield Case("infinity", text(inf), auc=0.5)
    money = base().assign(z=[f"{v:,}" for v in rng.integers(1000, 9_000_000, n)])
    yield Case("thousands parted by commas", text(money), text=False)
    percent = base().assign(z=[f"{v:.1f}%" for v in rng.normal(50, 9, n)])
    yield Case("per cent signs", text(percent), text=False)
    zeros = base().assign(z=[f"{v:05d}" for v in rng.integers(0, 99, n)])
    yield Case("leading zeros", text(zeros))
    yield Case("booleans", text(base().assign(z=rng.random(n) < 0.4, w=rng.random(n) < 0.5)))
    days = pd.to_datetime("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D")
    yield Case("dates as text", text(base().assign(day=days.strftime("%Y-%m-%d"))))
    minus = base().assign(x=lambda f: [str(v).replace("-0.0", "-0") for v in f.x])
    minus.loc[::9, "x"] = "-0"
    yield Case("minus zero", text(minus), auc=0.5)
    finer = base().assign(x=lambda f: f.x.round(1))
    yield Case("more decimals when predicting", text(finer), test=text(base(seed=SEED + 3)))
    below = base(seed=SEED + 3).assign(x=lambda f: f.x - 1e-9)
    yield Case("a billionth below the limits when predicting", text(finer), test=text(below))
    real = base().assign(y=lambda f: f.y.astype(float))
    yield Case("whole numbers written 3.0 when predicting", text(base()), test=text(real))
    coded = base().assign(code=rng.integers(1, 9, n))
    tested = base(seed=SEED + 1).assign(code=lambda f: (f.index % 9 + 1).astype(float))
    yield Case("number codes as categories, 3.0 when predicting", text(coded),
               ["--categorical", "code"], test=text(tested))
    yield Case("late decimals", text(pd.concat([base(5000).assign(x=lambda f: f.x.round()),
                                                base(200, SEED + 5)])), auc=0.5)
    late = base(3000).astype({"y": object})
    late.loc[2990, "y"] = "abc"
    yield Case("one word in a column of numbers", text(late), ok=False, says=["y", "2991"])


def categories():
    """Categories as they come."""
    odd = ['say "yes"', "a,b", "naïve 漢字", "tab\there", "emoji 🏦", " lead", "trail ", "=1+1",
           "[group]", "a = b", "'single'", "back\\slash", "# no comment", "none", "other", "[0, 5)"]
    rng = np.random.default_rng(SEED)
    n = 2000
    frame = base(n)
    code = rng.integers(0, len(odd), n)
    frame["kind"] = np.array(odd, object)[code]
    frame["bad"] = (rng.random(n) < np.where(code % 2, 0.6, 0.1)).astype(int)
    yield Case("categories with quotes, commas, other scripts", text(frame), auc=0.7)
    unseen = base(seed=SEED + 1)
    unseen.loc[::3, "kind"] = "houseboat"
    yield Case("categories unseen in training", text(base()), test=text(unseen), auc=0.55)
    many = base(n).assign(town=rng.choice([f"town {i}" for i in range(900)], n))
    yield Case("nine hundred categories", text(many))
    short = base().assign(kind=lambda f: f.kind.str.upper())
    yield Case("categories in capitals when predicting", text(base()), test=text(short), auc=0.5)
    one = base().assign(flag=np.where(np.arange(800) % 7 == 0, "x", ""))
    yield Case("one category or nothing", text(one))
    words = base().astype({"y": object})
    words.loc[::7, "y"] = "unknown"
    words.loc[1::7, "y"] = "refused"
    yield Case("words among numbers", text(words))
    test = base(seed=SEED + 1).astype({"y": object})
    test.loc[::7, "y"] = "refused"
    yield Case("a word for a number when predicting", text(base()), test=text(test), ok=False,
               says=["y", "1"])
    long = base().assign(kind=lambda f: f.kind + " " + "x" * 5000)
    yield Case("categories of 5,000 letters", text(long))


def names():
    """Columns by any name."""
    renamed = {"x": "score", "y": "probability_bad", "kind": "reason_1"}
    yield Case("columns named as predict's own", text(base().rename(columns=renamed)))
    odd = {"x": "monthly income (USD)", "y": 'the "y" column', "kind": "a.b[c] = 漢"}
    yield Case("names with spaces, quotes, brackets", text(base().rename(columns=odd)))
    yield Case("names with commas", text(base().rename(columns={"x": "x, rounded"})))
    yield Case("names of spaces around", text(base().rename(columns={"x": " x "})), text=False)
    twice = text(base()).replace(b"x,y,kind", b"x,x,kind", 1)
    yield Case("a name twice", twice, ok=False, says=["x"])
    nameless = text(base().rename(columns={"x": ""}))
    yield Case("a column without a name", nameless, text=False)
    case = text(base()).replace(b"x,y,kind", b"x,X,kind", 1)
    yield Case("names that differ in capitals only", case)
    moved = base(seed=SEED + 1)[["kind", "bad", "y", "x"]].assign(extra=1)
    yield Case("columns in another order when predicting, and one more", text(base()),
               test=text(moved))
    without = base(seed=SEED + 1).drop(columns="bad")
    yield Case("no outcome when predicting", text(base()), test=text(without), auc=0.0)
    yield Case("a column lacks when predicting", text(base()),
               test=text(base().drop(columns="x")), ok=False, says=["x"])
    yield Case("target among the excluded", text(base()), ["--exclude", "bad"])
    yield Case("excluded column is not there", text(base()), ["--exclude", "zzz"], ok=False,
               says=["zzz"])
    yield Case("categorical column is not there", text(base()), ["--categorical", "zzz"], ok=False,
               says=["zzz"])
    yield Case("everything excluded", text(base()), ["--exclude", "x,y,kind"], ok=False)
    yield Case("monotone", text(base()), ["--monotone", "x=+", "--monotone", "y=auto"])
    yield Case("monotone of a category", text(base()), ["--monotone", "kind=+"], ok=False,
               says=["kind"])
    yield Case("monotone that means nothing", text(base()), ["--monotone", "x=up"], ok=False,
               says=["up"])


def broken():
    """What is no table."""
    yield Case("empty file", b"", ok=False)
    yield Case("header only", b"x,y,kind,bad\n", ok=False)
    yield Case("one row", b"x,y,kind,bad\n1,2,own,1\n", ok=False)
    lines = text(base()).split(b"\n")
    short = b"\n".join(lines[:200] + [b"1,2"] + lines[200:])
    yield Case("a row too short", short, ok=False, says=["200"])
    more = b"\n".join(lines[:200] + [b"1,2,own,1,9,9"] + lines[200:])
    yield Case("a row too long", more, ok=False, says=["200"])
    quote = text(base()).replace(b"rent", b'"rent', 1)
    yield Case("a quote that never closes", quote, ok=False)
    yield Case("not a table at all", bytes(range(256)) * 40, ok=False)
    yield Case("PDF by the name of CSV", b"%PDF-1.7\n" + bytes(range(128, 256)) * 50, ok=False)
    yield Case("zero bytes in cells", text(base()).replace(b"rent", b"re\0nt"), text=False)
    yield Case("half a Parquet", parquet(base())[:2000], ok=False, suffix="parquet")


def sizes():
    """Short, wide, long."""
    rng = np.random.default_rng(SEED)
    wide = pd.DataFrame(rng.normal(size=(500, 200)).round(3), columns=[f"c{i}" for i in range(200)])
    wide["bad"] = (rng.random(500) < 1 / (1 + np.exp(-2 * wide.c7))).astype(int)
    yield Case("500 × 200", text(wide), auc=0.6)
    yield Case("sixty rows", text(base(60)), auc=0.5)
    twins = base().assign(x2=lambda f: f.x, x3=lambda f: -f.x, x4=lambda f: f.x * 2 + 1)
    yield Case("columns that are copies", text(twins))
    rare = base(4000)
    rare["bad"] = ((rare.bad == 1) & (rng.random(4000) < 0.02)).astype(int)
    yield Case("a few dozen bads in 4,000", text(rare), auc=0.55)
    noise = base().assign(bad=lambda f: rng.integers(0, 2, len(f)))
    yield Case("nothing but noise", text(noise), auc=0.0, either=True)
    often = base().assign(bad=lambda f: 1 - (rng.random(len(f)) < 0.03).astype(int))
    yield Case("97 % bad", text(often), auc=0.0, either=True)


def parquets():
    """Parquet of every type."""
    import decimal

    rng = np.random.default_rng(SEED)
    n = 800
    yield Case("Parquet", parquet(base()), suffix="parquet")
    typed = base().assign(
        i8=rng.integers(0, 9, n).astype("int8"), u64=rng.integers(0, 9, n).astype("uint64"),
        f32=rng.normal(size=n).astype("float32"), flag=rng.random(n) < 0.3,
        day=pd.to_datetime("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
        cash=[decimal.Decimal(int(v)) / 100 for v in rng.integers(0, 99999, n)])
    typed["kind"] = typed.kind.astype("category")
    yield Case("Parquet of many types", parquet(typed), suffix="parquet")
    holes = base()
    holes.loc[::4, "x"] = np.nan
    holes["y"] = holes.y.astype("Int64")
    holes.loc[::5, "y"] = pd.NA
    holes.loc[::6, "kind"] = None
    yield Case("Parquet with nulls and NaN", parquet(holes), suffix="parquet")
    yield Case("Parquet, target boolean", parquet(base().astype({"bad": bool})), suffix="parquet",
               positive="true")
    yield Case("Parquet, target 1.0", parquet(base().astype({"bad": float})), suffix="parquet")
    yield Case("Parquet, zstd, small groups", parquet(base(), compression="zstd",
                                                      row_group_size=97), suffix="parquet")
    nested = base().assign(z=[[1, 2]] * n)
    yield Case("Parquet with a list column", parquet(nested), suffix="parquet", ok=False,
               says=["z"])
    yield Case("Parquet with a list column left out", parquet(nested), ["--exclude", "z"],
               suffix="parquet")
    yield Case("Parquet of no rows", parquet(base().iloc[:0]), suffix="parquet", ok=False)
    infinite = base()
    infinite.loc[::50, "x"] = np.inf
    yield Case("Parquet with infinity", parquet(infinite), suffix="parquet", auc=0.5)


def run(binary, words):
    """(exit code, stdout, stderr); 124 when it runs too long."""
    try:
        done = subprocess.run([str(binary), *map(str, words)], capture_output=True,
                              timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return 124, "", f"longer than {TIMEOUT_S} s"
    said = [stream.decode(errors="replace") for stream in (done.stdout, done.stderr)]
    return done.returncode, *said


def try_case(binary, case, method, home):
    """(what is wrong, the command that shows it); nothing wrong: (None, ...)."""
    home.mkdir(parents=True, exist_ok=True)
    train, test = home / f"train.{case.suffix}", home / f"test.{case.suffix}"
    card, scores = home / "scorecard.toml", home / "scores.csv"
    train.write_bytes(case.train)
    test.write_bytes(case.test or case.train)
    card.unlink(missing_ok=True)
    scores.unlink(missing_ok=True)
    words = ["model", "train", "--data", train, "--target", case.target, "--method", method]
    words += ["--positive", case.positive] if case.positive is not None else []
    words += [*case.options, "--out", card, "--json", home / "metrics.json"]
    code, out, errors = run(binary, words)
    if code == 0:
        words2 = ["model", "predict", "--scorecard", card, "--data", test, "--out", scores]
        if case.ok or case.test is not None:
            words = words2
            code, out, errors = run(binary, words)
    return judge(case, code, out + errors, card, test, scores), words, (out + errors).strip()


def judge(case, code, said, card, test, scores):
    """What is wrong with an answer, or None."""
    if "panicked" in said or code == 101 or code < 0:
        return f"crash, exit {code}"
    if code == 124:
        return said
    if not case.ok:
        if code not in (1, 2):
            return f"must be refused, exit {code}"
        lacking = [word for word in case.says if word not in said]
        return f"refused without naming {', '.join(lacking)}" if lacking else None
    if case.either and code == 1 and "TOML" not in said:
        return None
    if code != 0:
        return f"must be read, exit {code}"
    return judge_scores(case, card, test, scores)


def judge_scores(case, card, test, scores):
    """One score for each row, equal to the table's, and of use."""
    frame = pd.read_parquet(test) if case.suffix == "parquet" else None
    with open(scores, newline="", encoding="utf-8") as file:
        got = list(csv.DictReader(file))
    if case.text and frame is None:
        with open(card, "rb") as file:
            table = tomllib.load(file)
        raw = test.read_bytes().removeprefix(b"\xef\xbb\xbf").decode()
        if "\r" in raw and "\n" not in raw:
            raw = raw.replace("\r", "\n")
        rows = [row for row in csv.DictReader(io.StringIO(raw, newline=""))]
        problems, count = table_check.check(table, rows, got)
        if count:
            return f"{count} rows differ from the table: {problems[0]}"
        outcome = np.array([row.get(case.target, "0") for row in rows])
    elif frame is not None:
        outcome = frame[case.target].astype(str).str.lower().to_numpy()
    else:
        return None if got else "no scores"
    if len(got) != len(outcome):
        return f"{len(outcome)} rows, {len(got)} scores"
    return judge_order(case, outcome, got)


def judge_order(case, outcome, got):
    """Whether the probability orders the outcome as well as it must."""
    if case.auc == 0:
        return None
    positive = str(case.positive or "1")
    bad = np.isin(outcome, [positive, f"{positive}.0"]).astype(int)
    found = measures.auc(bad, [float(row["probability_bad"]) for row in got])
    return f"AUC {found:.3f}, should be {case.auc} at least" if found < case.auc else None


def main():
    """Runs the cases and prints what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fivefold", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--method", default="boost,woe")
    parser.add_argument("--only")
    parser.add_argument("--out", type=pathlib.Path, help="also write what is wrong here, as JSON")
    options = parser.parse_args()
    wrong, count = [], 0
    for i, case in enumerate(cases()):
        if options.only and case.name not in options.only.split("|"):
            continue
        for method in options.method.split(","):
            count += 1
            home = options.work / f"{i:03}" / method
            problem, words, said = try_case(options.fivefold, case, method, home)
            if problem:
                command = " ".join(f"'{w}'" if " " in str(w) else str(w) for w in words)
                wrong.append({"case": case.name, "method": method, "problem": problem,
                              "command": command, "said": said[-600:]})
                print(f"- **{case.name}** ({method}): {problem}\n  `{command}`", flush=True)
                print(f"  said: {said[-300:]}", flush=True)
    if options.out:
        options.out.write_text(json.dumps(wrong, indent=1))
    print(f"{count - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
