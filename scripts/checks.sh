# shellcheck shell=bash
# Running checks one after the other, or at the same time, with a summary: for .ci/run and
# scripts/full. The script's arguments are parts of names: only the checks so named run.

case ${1-} in -h | --help) sed -n '2,/^[^#]/{s/^# \{0,1\}//p;}' "$0"; exit ;; esac
only=("$@")
results=() left_out=()
failed=0
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

wanted() { # NAME
  local part
  [ ${#only[@]} -gt 0 ] || return 0
  for part in "${only[@]}"; do [[ $1 != *"$part"* ]] || return 0; done
  return 1
}

# CPU time of what has ended, in seconds: into a file, since a pipe would have a shell of its
# own, which has no children.
spent() {
  times >"$logs/times"
  spent=$(awk -F'[ms ]+' 'NR == 2 { printf "%d\n", $1 * 60 + $2 + $3 * 60 + $4 }' "$logs/times")
}

settle() { # OUTCOME SECONDS CPU-SECONDS NAME
  [ "$1" = passed ] || failed=$((failed + 1))
  results+=("$(printf '%-7s %6d s  %5s s  %s' "$1" "$2" "$3" "$4")")
}

check() { # NAME COMMAND...
  local name=$1 start=$SECONDS outcome=passed before
  wanted "$name" || return 0
  shift
  spent
  before=$spent
  printf '\n== %s\n' "$name"
  "$@" || outcome=FAILED
  spent
  settle "$outcome" $((SECONDS - start)) $((spent - before)) "$name"
}

# Checks that mostly wait run at the same time: each as `begin` says, its output shown by
# `join`, which waits for all.
begun=()
begin() { # NAME COMMAND...
  local name=$1 nth=${#begun[@]}
  wanted "$name" || return 0
  shift
  begun+=("$name")
  (
    start=$SECONDS outcome=passed
    "$@" >"$logs/$nth.log" 2>&1 || outcome=FAILED
    echo "$outcome $((SECONDS - start))" >"$logs/$nth.end"
  ) &
}

join() {
  local nth outcome took
  wait
  for nth in "${!begun[@]}"; do
    printf '\n== %s\n' "${begun[$nth]}"
    cat "$logs/$nth.log"
    read -r outcome took <"$logs/$nth.end"
    settle "$outcome" "$took" - "${begun[$nth]}"
  done
  begun=()
}

# A check that is not run here.
leave_out() { # NAME WHY
  wanted "$1" || return 0
  printf '\n== %s\nleft out: %s\n' "$1" "$2"
  left_out+=("left out  $1: $2")
}

# Prints the results, and ends the script with its status.
summary() {
  local lines=("${results[@]}" "${left_out[@]}")
  [ ${#lines[@]} -gt 0 ] || { echo "${0##*/}: no check is named ${only[*]}" >&2; exit 2; }
  printf '\n== summary\n'
  printf '%s\n' "${lines[@]}"
  printf '\nchecks: %d passed, %d failed\n' $((${#results[@]} - failed)) "$failed"
  exit $((failed > 0))
}
