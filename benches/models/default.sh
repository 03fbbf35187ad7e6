#!/bin/sh
# Fits the scorecard that a bureau starts with, measures it, and writes what docs/models/ says of it.
#
#     benches/models/default.sh target/release/fivefold [the card-client file, for judging only]
#
# It is fitted to made-up persons (`fivefold simulate`) and to one half, by hash, of the real loans
# in tests/data; measured on other made-up persons, on the other half of the loans, and on Taiwan
# 2005 where the file is at hand. The same program gives the same bytes.
set -eu

fivefold=$1
accounts=${2:-}
here=$(cd "$(dirname "$0")/../.." && pwd)
former=$here/policies/scorecards/fivefold-general-1.toml
card=$here/policies/scorecards/fivefold-general-2.toml
docs=$here/docs/models
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$fivefold" model dataset --simulated 12000 --months 24 --seed 7 --refusing 50 --loans fit \
    --out "$work/fit.parquet"
"$fivefold" model train --data "$work/fit.parquet" --target outcome --positive bad --method boost \
    --like "$former" --neutral --id fivefold-general-2 --seed 1 --out "$card" \
    --json "$work/fit.json"

"$fivefold" model dataset --simulated 12000 --months 24 --seed 8 --out "$work/simulated.parquet"
"$fivefold" model dataset --loans judge --out "$work/loans.parquet"
"$fivefold" model validate --scorecard "$card" --data "$work/loans.parquet" --target outcome \
    --positive bad --json "$work/loans.json" --report "$docs/fivefold-general-2.pdf"
"$fivefold" model validate --scorecard "$card" --data "$work/simulated.parquet" --target outcome \
    --positive bad --json "$work/simulated.json"
for sample in simulated loans; do
    "$fivefold" model compare "$former" "$card" --data "$work/$sample.parquet" --target outcome \
        --positive bad --json > "$work/$sample-compared.json"
done
if [ -n "$accounts" ]; then
    "$fivefold" model dataset --accounts "$accounts" --out "$work/taiwan.parquet"
    "$fivefold" model compare "$former" "$card" --data "$work/taiwan.parquet" --target outcome \
        --positive bad --json > "$work/taiwan-compared.json"
    "$fivefold" model validate --scorecard "$card" --data "$work/taiwan.parquet" --target outcome \
        --positive bad --json "$work/taiwan.json"
fi
python3 "$here/benches/models/default_page.py" "$work" "$card" > "$docs/fivefold-general-2.md"
