#!/usr/bin/env bash
# A deployment worker: claims steps, does them with dpkg-deb in a directory for each target, reports what sha256sum says.
#
#   demo/worker.sh NAME DIRECTORY [STEPS]
#
# The target host/root-a is the directory root-a below DIRECTORY. Ends when there is nothing to do, or after STEPS steps.
set -euo pipefail
export LC_ALL=C
name=$1
directory=$2
steps=${3:-1000000}
ask() { PGOPTIONS='-c client_min_messages=error -c search_path=release_mgmt' psql -X -A -t -q -F ' ' -v ON_ERROR_STOP=1 -U worker -v name="$name" "$@"; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# read_item ID FILE: the content of a library item, chunk by chunk
read_item() {
    local chunk
    : >"$2"
    for ((chunk = 0; ; chunk++)); do
        ask -v item="$1" -v chunk="$chunk" <<<"SELECT encode(read_content(:'item', :chunk), 'base64')" | base64 -d >"$scratch/chunk"
        [ -s "$scratch/chunk" ] || break
        cat "$scratch/chunk" >>"$2"
    done
}

for ((done = 0; done < steps; done++)); do
    read -r claim kind target items < <(ask <<<"SELECT claim, kind, target, array_to_string(items, ' ') FROM claim_step(:'name')") || break
    ask <<<"SELECT manifest FROM claim_step(:'name')" | sed '/^$/d' >"$scratch/manifest"
    root=$directory/${target#host/}
    mkdir -p "$root"
    case $kind in
    install)
        for item in $items; do
            read_item "$item" "$scratch/item.deb"
            dpkg-deb -x "$scratch/item.deb" "$root"
        done
        ;;
    back_out) (cd "$root" && sed 's/^[0-9a-f]*  //' "$scratch/manifest" | xargs -d '\n' rm -f) ;;
    esac
    (cd "$root" && sed 's/^[0-9a-f]*  //' "$scratch/manifest" | xargs -d '\n' sha256sum 2>&1 || true) >"$scratch/output"
    ask -v claim="$claim" <<<"\\set output \`cat $scratch/output\`
CALL report_step(:'claim', 'successful', :'output')"
    echo "$name: $kind on $target, $(wc -l <"$scratch/manifest") files reported"
done
