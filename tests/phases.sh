# Sourced by .ci/run and tests/run: phases that are timed and counted, and the tools they need.
# shellcheck shell=bash

cache=${XDG_CACHE_HOME:-$HOME/.cache}/fivefold
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}

passed=0 failed=0 skipped=0
timings=()
scratch=$(mktemp -d "${TMPDIR:-/tmp}/fivefold-tests.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

say() { printf '%s\n' "$*"; }
loudly() { printf '\n!!! %s\n\n' "$*" >&2; }

# started NAME; then ended NAME SINCE RESULT
started() { printf '\n=== %s\n' "$1"; }
ended() {
    local line
    line=$(printf '%6d s  %-28s %s' $((SECONDS - $2)) "$1" "$3")
    timings+=("$line")
    say "--- $1: $((SECONDS - $2)) s, $3"
}

# setup NAME COMMAND…: not a test, but nothing works without it. Runs in this shell.
setup() {
    local name=$1 since=$SECONDS
    shift
    started "$name"
    if "$@" </dev/null; then
        ended "$name" "$since" ready
    else
        failed=$((failed + 1))
        ended "$name" "$since" FAILED
        return 1
    fi
}

# phase NAME COMMAND…: one check if it prints no results of its own, else as many as it counts:
# cargo's "test result:" lines, or lines that begin with "ok " and "FAILED ".
phase() {
    local name=$1 since=$SECONDS log=$scratch/phase.log status=0
    local good bad left
    shift
    started "$name"
    "$@" </dev/null 2>&1 | tee "$log" || status=$?
    read -r good bad left < <(awk '
        /^test result: / { good += $4; bad += $6; left += $8 }
        /^ok / { good++ }
        /^FAILED / { bad++ }
        END { print good + 0, bad + 0, left + 0 }' "$log")
    # A command that fails without naming a test (it did not compile, it crashed) is one failure.
    if ((status != 0 && bad == 0)); then bad=1; fi
    if ((status == 0 && good + bad == 0)); then good=1; fi
    passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + left))
    ended "$name" "$since" "$good passed, $bad failed"
}

# The time of each phase, then the one line that counts everything; fails if anything failed.
summary() {
    printf '\n=== time\n'
    if ((${#timings[@]})); then printf '%s\n' "${timings[@]}"; fi
    printf '%6d s  all\n\n' "$SECONDS"
    if ((skipped)); then
        say "$passed passed, $failed failed, $skipped skipped"
    else
        say "$passed passed, $failed failed"
    fi
    ((failed == 0 && passed > 0))
}

# missing_packages: Debian's names of what is needed to build and test and is not here.
missing_packages() {
    local package probe
    while IFS='|' read -r package probe; do
        if ! bash -c "$probe" >/dev/null 2>&1; then say "$package"; fi
    done <<'PROBES'
build-essential|command -v cc make
pkg-config|command -v pkg-config
libpq-dev|pkg-config --exists libpq
postgresql|ls /usr/lib/postgresql/*/bin/postgres || command -v postgres
age|command -v age
qpdf|command -v qpdf
poppler-utils|command -v pdftotext
fonts-droid-fallback|ls /usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf
fonts-dejavu-core|ls /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
python3-venv|python3 -c 'import ensurepip, venv'
golang-go|command -v go
golang-golang-x-mod-dev|ls /usr/share/gocode/src/golang.org/x/mod/sumdb/tlog/tlog.go
nodejs|command -v node
npm|command -v npm
PROBES
}

# install_packages: with apt, as root or by sudo, only what is missing.
install_packages() {
    local -a missing as_root=()
    mapfile -t missing < <(missing_packages)
    if ((${#missing[@]} == 0)); then
        say "every package is here"
        return
    fi
    say "missing: ${missing[*]}"
    if ((EUID != 0)); then as_root=(sudo); fi
    if ! command -v apt-get >/dev/null || { ((EUID != 0)) && ! command -v sudo >/dev/null; }; then
        loudly "cannot install packages here; as root on Debian: apt-get install ${missing[*]}"
        return 1
    fi
    local -a apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq
        -o DPkg::Lock::Timeout=600)
    apt+=(-y --no-install-recommends)
    # Debian starts a server of its own with the package; the tests only want its programs.
    if [[ " ${missing[*]} " == *" postgresql "* && ! -e /etc/postgresql-common/createcluster.conf ]]; then
        "${as_root[@]}" mkdir -p /etc/postgresql-common
        say "create_main_cluster = false" |
            "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    if ! "${apt[@]}" update || ! "${apt[@]}" install "${missing[@]}"; then
        loudly "apt-get failed; needed: ${missing[*]}"
        return 1
    fi
    mapfile -t missing < <(missing_packages)
    if ((${#missing[@]})); then
        loudly "installed, but still not found: ${missing[*]}"
        return 1
    fi
}
