# What the story is told with. Sourced by demo/run.sh.
#
# say TEXT...                   a heading or a sentence
# sql ROLE <<'SQL'              shows the statements, runs them as ROLE, shows what they return; an error ends the demo
# does ROLE <<'SQL'             the same without what they return
# quiet ROLE <<'SQL'            the same, showing nothing; prints the bare result for the script's own use
# refused ROLE SQLSTATE [LINES] <<'SQL'
#                               shows statements that must fail with that SQLSTATE, and so many lines of the error
# expect WHAT GOT WANTED        ends the demo unless the two are equal
# aside COMMAND...              one of these, told only in the full story
# The story shows a statement in one line, cut where it is longer; RM_DEMO_STORY=full shows all of it.
# Variables for psql (:'name') are taken from the associative array var.

declare -A var

say() { printf '\n%s\n' "$*"; }
fail() { printf '\nThe demo ends here: %s\n' "$*" >&2; exit 1; }

as() {  # as ROLE psql-option...: psql as that role, stopping at the first error, reading statements from stdin
    local role=$1 name settings=()
    shift
    for name in "${!var[@]}"; do settings+=(-v "$name=${var[$name]}"); done
    PGOPTIONS='-c client_min_messages=warning' psql -X -q -v ON_ERROR_STOP=1 "${settings[@]}" -U "$role" "$@"
}

# The server's own signs of a session: ROLE=> before the first statement, the others below it.
show() {
    if [ "${RM_DEMO_STORY:-}" = full ]; then cat; else perl -0777 -pe 's/\n\s+(?=\S)/ /g; s/\n(?=(?:VALUES|FROM)\b)/ /g; s/^(.{130}).{4,}$/$1 .../gm'; fi |
        sed -e "1s/^/$1=> /" -e "2,\$s/^/    /"
}

aside() { if [ "${RM_DEMO_STORY:-}" = full ]; then "$@"; else "$@" >/dev/null; fi; }

sql() {
    local role=$1 text
    text=$(cat)
    printf '%s\n' "$text" | show "$role"
    printf '%s\n' "$text" | as "$role" -P border=0 -P footer=off -P null='-' | sed -e '/^[ -]*$/d' -e 's/^/  /' -e 's/ *$//' ||
        fail "role $role met an error"
}

does() {
    local role=$1 text
    text=$(cat)
    printf '%s\n' "$text" | show "$role"
    printf '%s\n' "$text" | as "$role" >/dev/null || fail "role $role met an error"
}

quiet() { as "$1" -A -t || fail "role $1 met an error"; }

refused() {
    local role=$1 sqlstate=$2 lines=${3:-2} text output
    text=$(cat)
    printf '%s\n' "$text" | show "$role"
    if output=$(printf '%s\n' "$text" | as "$role" -v VERBOSITY=verbose 2>&1); then
        fail "this should have been refused with $sqlstate"
    fi
    case $output in
    *"ERROR:  $sqlstate:"*) ;;
    *) printf '%s\n' "$output" >&2; fail "this should have been refused with $sqlstate" ;;
    esac
    printf '%s\n' "$output" | sed -n -e '/^CONTEXT:/,$d' -e '/^LOCATION:/d' -e 's/^psql:[^ ]* //' -e p | cut -c 1-150 | sed -n "1,${lines}s/^/  /p"
}

expect() { [ "$2" = "$3" ] || fail "$1: got \"$2\", wanted \"$3\""; }
