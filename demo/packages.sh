#!/usr/bin/env bash
# Bring three to six real Debian packages that belong together into a directory, and say what they are.
#
#   demo/packages.sh DIRECTORY
#
# Prints how they came about (update, install or rebuilt), then a line each: file, name, version, architecture, SHA-256.
# update:  newer versions of installed packages, from the host's configured archive, SHA-256 from the archive's index
# install: small packages with dependencies, not yet installed, likewise
# rebuilt: without a reachable archive, made from the files of installed packages; SHA-256 of what was made
set -euo pipefail
export LC_ALL=C
directory=$1
cd "$directory"

simulate() { apt-get -s -o Debug::NoLocking=1 "$@" 2>/dev/null | sed -n 's/^Inst \([^ ]*\) \(\[[^]]*\] \)\?(\([^ ]*\) .*/\1=\3/p'; }

# Name, version, source and size of package=version arguments, from the archive's index.
describe() {
    apt-cache show --no-all-versions "$@" 2>/dev/null | awk -v OFS='\t' '
        function out() { if (name) print name, version, source ? source : name, size; name = version = source = size = "" }
        /^$/ { out() } /^Package: / { out(); name = $2 } /^Version: / { version = $2 } /^Source: / { source = $2 } /^Size: / { size = $2 }
        END { out() }'
}

# The smallest set of three to six updates from one source package that can be installed without any other.
find_updates() {
    local updates source candidates
    mapfile -t updates < <(simulate upgrade)
    [ "${#updates[@]}" -ge 3 ] || return 1
    while read -r source; do
        mapfile -t candidates < <(describe "${updates[@]}" | awk -F '\t' -v s="$source" '$3 == s { print $1 "=" $2 }')
        if [ "$(simulate install --only-upgrade "${candidates[@]}" | sort)" = "$(printf '%s\n' "${candidates[@]}" | sort)" ]; then
            printf '%s\n' "${candidates[@]}"
            return 0
        fi
    done < <(describe "${updates[@]}" | awk -F '\t' '{ n[$3]++; size[$3] += $4 }
        END { for (s in n) if (n[s] >= 3 && n[s] <= 6 && size[s] < 20000000) print size[s] "\t" s }' | sort -n | cut -f 2)
    return 1
}

# A small program that is not installed, with the dependencies that are not.
find_new() {
    local program candidates
    for program in htop nmap jq lynx mc tcpdump gawk socat; do
        mapfile -t candidates < <(simulate install --no-install-recommends "$program")
        if [ "${#candidates[@]}" -ge 3 ] && [ "${#candidates[@]}" -le 6 ]; then
            printf '%s\n' "${candidates[@]}"
            return 0
        fi
    done
    return 1
}

download() {
    local package file
    apt-get download "$@" >/dev/null 2>&1 || return 1
    for package in "$@"; do
        file=$(ls "${package%%=*}"_*.deb)
        printf '%s\t%s\t%s\t%s\t%s\n' "$file" "$(dpkg-deb -f "$file" Package)" "$(dpkg-deb -f "$file" Version)" "$(dpkg-deb -f "$file" Architecture)" \
            "$(apt-cache show "$package" | sed -n '/^SHA256: /{s///p;q}')"
    done
}

# Three small installed packages of which the first needs the other two.
find_installed() {
    dpkg-query -W -f='${binary:Package}\t${Installed-Size}\t${Pre-Depends}, ${Depends}\n' | awk -F '\t' '
        $2 > 0 && $2 < 2000 { name = $1; sub(/:.*/, "", name); full[name] = $1; needs[name] = $3 }
        END {
            for (name in full) {
                n = split(needs[name], parts, /, */); found = 0; line = full[name]; delete seen
                for (i = 1; i <= n && found < 2; i++) {
                    split(parts[i], word, /[ :]/)
                    if (word[1] in full && word[1] != name && !(word[1] in seen)) { seen[word[1]]; found++; line = line " " full[word[1]] }
                }
                if (found == 2) print line
            }
        }' | sort | sed -n 1p
}

rebuild() {
    local package tree file
    for package in "$@"; do
        tree=$(mktemp -d ./tree.XXXXXX)
        chmod 755 "$tree"
        while read -r file; do
            if [ -f "$file" ] && [ ! -L "$file" ]; then install -D -m 644 "$file" "$tree$file"; fi
        done < <(dpkg-query -L "$package")
        mkdir "$tree/DEBIAN"
        dpkg-query -s "$package" | sed -e '/^Status: /d' -e '/^Conffiles:/,/^[^ ]/{/^Conffiles:/d;/^ /d}' >"$tree/DEBIAN/control"
        dpkg-deb --root-owner-group -b "$tree" . >/dev/null
        rm -r "$tree"
        file=$(ls "${package%%:*}"_*.deb)
        printf '%s\t%s\t%s\t%s\t%s\n' "$file" "$(dpkg-deb -f "$file" Package)" "$(dpkg-deb -f "$file" Version)" "$(dpkg-deb -f "$file" Architecture)" \
            "$(sha256sum "$file" | cut -d ' ' -f 1)"
    done
}

if chosen=$(find_updates) && list=$(download $chosen); then
    printf 'update\n%s\n' "$list"
elif chosen=$(find_new) && list=$(download $chosen); then
    printf 'install\n%s\n' "$list"
else
    chosen=$(find_installed)
    [ -n "$chosen" ] || { echo "no packages to tell the story with" >&2; exit 1; }
    printf 'rebuilt\n%s\n' "$(rebuild $chosen)"
fi
