# shellcheck shell=bash
# What the shell scripts share. Sourced below a script's header comment, which is its help.
# Leaves the script at the repository's root, with the words of its options for itself.
set -euo pipefail

script=${0##*/}
case ${1-} in -h | --help) sed -n '2,/^[^#]/{s/^# \{0,1\}//p;}' "$0"; exit ;; esac
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cargo=${CARGO:-cargo}
# shellcheck disable=SC2034 # for the scripts
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")

die() { # WHY
  echo "$script: $*" >&2
  exit 1
}

needs() { # PROGRAM...
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || die "$program is not installed"
  done
}

needs_root() { # TO DO WHAT
  [ "$(id -u)" = 0 ] || die "only root can $*"
}

# Runs a program of this workspace that compares or measures.
run_harness() { # PACKAGE, then cargo's words, --, the program's
  exec "$cargo" run --profile harness --quiet --locked -p "$@"
}

# The same of the workspace adapters.
run_adapter_harness() { # PACKAGE, then cargo's words, --, the program's
  exec "$cargo" run --profile harness --quiet --locked --manifest-path adapters/Cargo.toml --target-dir "$target/adapters" \
    -p "$@"
}
