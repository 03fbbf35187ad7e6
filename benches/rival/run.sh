#!/usr/bin/env bash
# Fivefold beside the plain thing that a team would write (app.py), in one run: both on one
# throw-away PostgreSQL, asked by the same program over the same number of connections.
#
#   benches/rival/run.sh [CONNECTIONS]
#
# Installs what app.py needs into a virtual environment under ~/.cache/fivefold.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."
connections=${1:-16}
venv=$HOME/.cache/fivefold/rival
scratch=$(mktemp -d /tmp/rival.XXXXXX)
rival=''
cleanup() {
    [[ $rival ]] && kill "$rival" 2>/dev/null
    as_postgres "$bin/pg_ctl" stop -D "$scratch/data" -m immediate -s || true
    rm -rf "$scratch"
}
as_postgres() {
    if [[ $EUID == 0 ]]; then (cd "$scratch" && runuser -u postgres -- "$@"); else "$@"; fi
}
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

[[ -x $venv/bin/python ]] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet -r "$here/requirements.txt"
for bin in /usr/lib/postgresql/*/bin; do :; done
chmod 711 "$scratch"
[[ $EUID == 0 ]] && chown postgres "$scratch"
trap cleanup EXIT
as_postgres "$bin/initdb" -D "$scratch/data" -U fivefold -A trust >/dev/null
port=$(free_port)
as_postgres "$bin/pg_ctl" start -w -D "$scratch/data" -l "$scratch/log" \
    -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$scratch" >/dev/null
url=postgres://fivefold@127.0.0.1:$port
for database in bureau rival; do "$bin/createdb" -h 127.0.0.1 -p "$port" -U fivefold "$database"; done
"$bin/psql" -q "$url/rival" -c 'CREATE TABLE scores (subject TEXT PRIMARY KEY, score INT NOT NULL)' \
    -c 'CREATE TABLE audit (id BIGSERIAL PRIMARY KEY, at TIMESTAMPTZ DEFAULT now(), subject TEXT, question JSONB, answer TEXT)'

# Two processes: as many as this machine has cores, for both.
rival_port=$(free_port)
RIVAL_DATABASE=$url/rival RIVAL_KEY=$scratch/asker.pem "$venv/bin/uvicorn" --app-dir "$here" app:app \
    --host 127.0.0.1 --port "$rival_port" --workers 2 --log-level warning --no-access-log &
rival=$!
cargo bench --profile quick --no-default-features --bench inquiries -- --connections "$connections" \
    --postgres "$url/bureau" --rival "http://127.0.0.1:$rival_port" --rival-key "$scratch/asker.pem"
