#!/usr/bin/env python3
"""Writes the page about the scorecard that a bureau starts with, from what default.sh measured."""

import hashlib
import json
import pathlib
import sys
import tomllib

DIMENSIONS = ["credit_history", "behavior", "performance", "identity", "relationships"]
SAMPLES = {
    "simulated": "made-up persons of another seed (SYNTHETIC)",
    "loans": "Lending Club, the half that was not fitted to (real)",
    "taiwan": "card accounts, Taiwan 2005 (real; nothing was fitted to them)",
}


def main():
    """Prints the page."""
    work, path = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    card = tomllib.loads(path.read_text())
    fit = json.loads((work / "fit.json").read_text())
    development = card["development"]
    print(f"# {card['id']}\n")
    print(
        f"The scorecard that a bureau starts with: {len(card['characteristic'])} characteristics in "
        f"five dimensions, {len(card['characteristic'])} tables of whole points, nothing else. "
        "`benches/models/default.sh` made it, measured it, and wrote this page; the same program "
        "gives the same scorecard, byte for byte.\n"
    )
    print(
        "**What is synthetic.** Of the persons it was fitted to, 12,000 are made up by "
        "`fivefold simulate` (one latent risk drives all five dimensions, so every dimension "
        "predicts by construction; half of them refuse each dimension but credit history), and the others are one half, by hash, of the 9,857 real loans "
        "of `tests/data/lending-club`, of which only what the file says was used. What it says of "
        "behaviour, performance, identity and ties is therefore the simulation's, and no evidence "
        "about people. Its status is `demonstration`: `serve` refuses it outside the demonstration "
        "and the sandbox, and no probability is given with a score.\n"
    )
    print(f"{development['rows']:,} persons, {development['bads']:,} of them bad; method "
          f"`{development['method']}`, seed {development['seed']}, SHA-256 of the table "
          f"`{development['data'][:16]}…`, of the scorecard "
          f"`{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}…`.\n")
    print("## How well it tells\n")
    print("| measured on | persons | bad | AUC (95 %) | the expert's, fivefold-general-1 |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for sample, what in SAMPLES.items():
        file = work / f"{sample}-compared.json"
        if not file.exists():
            print(f"| {what} | – | – | not measured | – |")
            continue
        expert, fitted = (row["figures"] for row in json.loads(file.read_text())["compared"])
        print(f"| {what} | {fitted['n']:,} | {fitted['n_bad']:,} | {interval(fitted['auc'])} | "
              f"{interval(expert['auc'])} |")
    print("\nThe real files know credit history only, and little of it: an AUC there says what that "
          "one dimension is worth. Where a row has the expert ahead, the expert is: on card accounts "
          "lateness says most, and the persons it was fitted to, real loans of whom few were ever "
          "late among them, say less of lateness than the expert does. A bureau with accounts of "
          "its own fits its own (`fivefold model dataset`). The simulation's way from lateness to "
          "default was mended after a look at the row of Taiwan (lateness now rolls on, as roll "
          "rates say): that row was 0.667 before, and so did not only judge.\n")
    neutral = fit["neutral"]
    print(f"Silence is neutral: whoever has no data, or refuses a dimension, gets the mean. That "
          f"costs {neutral['auc_free'] - neutral['auc_neutral']:.4f} of AUC on the persons fitted "
          f"to ({neutral['auc_neutral']:.4f} against {neutral['auc_free']:.4f}).\n")
    print("## What the points are made of\n")
    print("| dimension | characteristics | share of the score's variance | points, least to most |")
    print("| --- | ---: | ---: | ---: |")
    shares = measured_shares(work)
    for dimension in DIMENSIONS:
        own = [c for c in card["characteristic"] if c["dimension"] == dimension]
        least, most = (sum(end(points(c)) for c in own) for end in (min, max))
        share = shares.get(dimension)
        share = "–" if share is None else f"{share:.1%}"
        print(f"| {dimension} | {len(own)} | {share} | {least:+} to {most:+} |")
    print("\nShares are measured on made-up persons who refuse nothing.\n")
    print("Rules that a fit does not know are kept: what does not apply never costs, ties only add "
          "and at most ten points, directions are those of the former scorecard. Where the data "
          "run against a direction the characteristic lost its points.\n")
    print(f"Without support in the data, and so without points: "
          f"{', '.join(fit['unsupported']) or 'nothing'}.\n")
    print("The whole table of points, charts and the seventeen parts of a validation are in "
          "[fivefold-general-2.pdf](fivefold-general-2.pdf), measured on the real loans. The expert "
          "scorecard stays in `policies/scorecards/fivefold-general-1.toml`: answers given under it "
          "are replayed with it.")


def interval(figure):
    """Value and ends."""
    return f"{figure['value']:.3f} ({figure['low']:.3f}–{figure['high']:.3f})"


def points(characteristic):
    """All points that a characteristic can give."""
    others = [characteristic[name] for name in ("baseline", "no_data", "not_applicable")]
    return others + [each["points"] for each in characteristic["bins"]]


def measured_shares(work):
    """Share of variance of each dimension on the made-up persons."""
    found = json.loads((work / "simulated.json").read_text())
    return {w["name"]: w["share"] for w in found["weights"] if w["name"] in DIMENSIONS}


if __name__ == "__main__":
    main()
