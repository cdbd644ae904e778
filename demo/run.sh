#!/usr/bin/env bash
# The main job, from nothing to a closed release, on this host's own data. Needs a server: "make demo" brings one.
#
# RM_DEMO_STORY=full tells everything ("make demo STORY=full"). RM_DEMO_SABOTAGE may hold SQL that a superuser runs once
# the CMDB is bound.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir "$work/debs" "$work/roots" "$work/keys"
export PGDATABASE=demo
superuser=${PGUSER:-$(id -un)}

# rows_of HOST: a digest of the packages that the CMDB has for it
rows_of() { quiet "$superuser" <<<"COPY (SELECT name, version FROM installed_package WHERE host = '$1') TO STDOUT" | sort | sha256sum; }

# gate CRITERION STATUS: the criterion has that status now
gate() {
    var=([criterion]="$1")
    expect "criterion $1" "$(quiet release_manager <<<"SELECT status FROM gate_status WHERE release = 'REL-1' AND criterion = :'criterion'")" "$2"
    var=()
}

say "RELEASE MANAGEMENT INSIDE THE CMDB. This host is the CMDB: its packages, as dpkg knows them, in an ordinary table, and
three install roots made from its image. A release updates packages on the roots, step by step."

psql -X -q -d postgres -c 'CREATE DATABASE demo'
say "1. THE DATABASE AND ITS PEOPLE"
does "$superuser" <<'SQL'
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org') AS ledger;
SQL
quiet "$superuser" <<'SQL'
ALTER DATABASE demo SET search_path = public, release_mgmt;
SQL

# The server's own signing key, in a place of its own outside the data directory.
data_directory=$(quiet "$superuser" <<<"SHOW data_directory")
openssl genpkey -algorithm ed25519 -out "$work/keys/ledger.pem" 2>/dev/null
chmod 600 "$work/keys/ledger.pem"
if [ "$(id -u)" = 0 ]; then chown -R "$(stat -c %U "$data_directory")" "$work/keys"; fi
quiet "$superuser" <<<"LOAD 'release_mgmt'; ALTER SYSTEM SET release_mgmt.signing_key_file = '$work/keys/ledger.pem'; SELECT pg_reload_conf();" >/dev/null

# RM_DEMO_PACKAGES names a directory that keeps the packages from one run to the next.
debs=${RM_DEMO_PACKAGES:-$work/debs}
if [ ! -s "$debs/list" ]; then
    "$here/packages.sh" "$debs" >"$work/list"
    mv "$work/list" "$debs/list"
fi
list=$(cat "$debs/list")
origin=$(sed -n 1p <<<"$list")
mapfile -t packages < <(sed 1d <<<"$list")
host=$(hostname)
architecture=$(dpkg --print-architecture)
dpkg-query -W -f='${db:Status-Status}\t${binary:Package}\t${Version}\n' | sed -n "s/^installed\t//p" | sed "s/:$architecture\t/\t/" >"$work/installed"
# Where the packages are new to the host, or made from its own files, the roots do not have them yet.
cut -f 2 <<<"$(sed 1d <<<"$list")" >"$work/chosen"
if [ "$origin" = update ]; then cp "$work/installed" "$work/image"; else grep -vwFf "$work/chosen" "$work/installed" >"$work/image" || true; fi

# Which operating system these packages are for, as package URLs and OSV name it.
system=$(. /etc/os-release && echo "$ID")
distro=$(. /etc/os-release && echo "$ID${VERSION_ID:+-$VERSION_ID}")
var=([host]="$host" [os]="$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release)" [installed]="$work/installed" [image]="$work/image")
aside sql "$superuser" <<'SQL'
CREATE TABLE host (name text PRIMARY KEY, os text NOT NULL, part_of text REFERENCES host);
CREATE TABLE installed_package (host text REFERENCES host, name text, version text NOT NULL, PRIMARY KEY (host, name));
SQL
quiet "$superuser" <<'SQL'
CREATE TEMP TABLE t (name text, version text);
INSERT INTO host VALUES (:'host', :'os', NULL), ('root-a', :'os', :'host'), ('root-b', :'os', :'host'), ('root-c', :'os', :'host');
SQL
printf '%s\n' "CREATE TEMP TABLE i (name text, version text);" "\\copy i FROM '$work/installed'" "INSERT INTO installed_package SELECT '$host', * FROM i;" \
    "CREATE TEMP TABLE m (name text, version text);" "\\copy m FROM '$work/image'" \
    "INSERT INTO installed_package SELECT h, m.* FROM m, unnest('{root-a,root-b,root-c}'::text[]) AS h;" | quiet "$superuser"
aside does "$superuser" <<<"SELECT bind_ci_class('host', 'host', key => '{name}', name => 'name', platform => 'os');"
does "$superuser" <<'SQL'
SELECT bind_ci_class('package', 'installed_package', key => '{host,name}', name => 'name', version => 'version', scheme => 'deb', mode => 'enforce');
CALL bind_ci_relation('installed on', 'package', '{host}', 'host');
SQL
aside does "$superuser" <<<"CALL bind_ci_relation('part of', 'host', '{part_of}', 'host');"
echo "-- configuration items: $(quiet "$superuser" <<<"SELECT string_agg(n || ' of class ' || class, ', ') FROM (SELECT class, count(*) AS n FROM ci GROUP BY class ORDER BY class) AS c")"
# A test switches off one rule of the story here, and the demo must then fail.
if [ -n "${RM_DEMO_SABOTAGE:-}" ]; then quiet "$superuser" <<<"$RM_DEMO_SABOTAGE" >/dev/null; fi
for role in librarian release_manager change_manager test_manager worker customer authority; do quiet "$superuser" <<<"CREATE ROLE $role LOGIN"; done
does "$superuser" <<'SQL'
CALL grant_duty('librarian', 'librarian', 'Provider');
CALL grant_duty('release_manager', 'release manager', 'Provider');   -- and so for change_manager, test_manager, worker, customer, authority
SQL
quiet "$superuser" <<'SQL'
CALL grant_duty('change_manager', 'change manager', 'Provider');
CALL grant_duty('test_manager', 'test manager', 'Provider');
CALL grant_duty('worker', 'operator', 'Provider');
CALL grant_duty('customer', 'customer representative', 'Customer');
CALL grant_duty('authority', 'customer representative', 'Authority');
SQL
say "The table is governed now. Whoever writes to it, its owner included, needs a release that plans the change:"
refused "$superuser" RM010 3 <<'SQL'
UPDATE installed_package SET version = '0' WHERE host = 'root-a' AND name = 'bash';
SQL

say "2. THE LIBRARY takes in ${#packages[@]} real packages ($origin), each held against the digest of the archive's index."
printf '%s\n' "\\set status \`cat /var/lib/dpkg/status\`" "SELECT release_mgmt.load_package_clauses(:'status') AS known;" | as librarian -A -t >"$work/known"
echo "librarian=> SELECT load_package_clauses(:'status');   -- /var/lib/dpkg/status: what each of $(cat "$work/known") installed packages needs"
items=()
for package in "${packages[@]}"; do
    IFS=$'\t' read -r file name version arch digest <<<"$package"
    base64 -w0 "$debs/$file" >"$work/base64"
    escaped=$(sed 's/%/%25/g; s/+/%2B/g; s/:/%3A/g; s/~/%7E/g' <<<"$version")
    var=([purl]="pkg:deb/$system/$name@$escaped?arch=$arch&distro=$distro" [digest]="sha256:$digest")
    if [ "${#items[@]}" = 0 ]; then
        aside echo "-- a digest that is not the file's:"
        item=$(quiet librarian <<<"SELECT begin_intake(:'purl', licence => 'see copyright file', owner => 'Provider', source_kind => 'change', source_reference => 'CHG-7')")
        var[item]=$item
        printf '%s\n' "\\set deb \`cat $work/base64\`" "CALL append_content(:'item', decode(:'deb', 'base64'));" | quiet librarian
        refused librarian RM007 1 <<'SQL'
SELECT finish_intake(:'item', 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
SQL
        aside echo "-- the right one, and so for each file:"
        does librarian <<'SQL'
SELECT finish_intake(:'item', :'digest');
CALL accept_item(:'item');
SQL
    else
        item=$(quiet librarian <<<"SELECT begin_intake(:'purl', licence => 'see copyright file', owner => 'Provider', source_kind => 'change', source_reference => 'CHG-7')")
        var[item]=$item
        printf '%s\n' "\\set deb \`cat $work/base64\`" "CALL append_content(:'item', decode(:'deb', 'base64'));" \
            "SELECT finish_intake(:'item', :'digest');" "CALL accept_item(:'item');" | quiet librarian >/dev/null
    fi
    items+=("$item")
done
# A candidate that can not fit: it needs a version of the first package that nobody has.
IFS=$'\t' read -r _ first _ _ _ <<<"${packages[0]}"
mkdir -p "$work/bad/DEBIAN" "$work/bad/usr/share/doc/demo-candidate"
echo "It does not fit." >"$work/bad/usr/share/doc/demo-candidate/README"
printf '%s\n' 'Package: demo-candidate' 'Version: 1.0' "Architecture: $architecture" "Depends: $first (>= 9999:1)" 'Maintainer: nobody <nobody@example.org>' \
    'Description: a candidate that does not fit' >"$work/bad/DEBIAN/control"
dpkg-deb --root-owner-group -b "$work/bad" "$work/debs/bad.deb" >/dev/null
base64 -w0 "$work/debs/bad.deb" >"$work/base64"
var=([purl]="pkg:deb/$system/demo-candidate@1.0?arch=$architecture&distro=$distro" [digest]="sha256:$(sha256sum "$work/debs/bad.deb" | cut -c 1-64)")
bad=$(quiet librarian <<<"SELECT begin_intake(:'purl')")
var[item]=$bad
printf '%s\n' "\\set deb \`cat $work/base64\`" "CALL append_content(:'item', decode(:'deb', 'base64'));" \
    "SELECT finish_intake(:'item', :'digest');" "CALL accept_item(:'item');" | quiet librarian >/dev/null
var=()
sql librarian <<'SQL'
SELECT i.name, i.version, i.state, count(f.path) AS files, left(i.digest::text, 19) || '...' AS digest
FROM library_item AS i LEFT JOIN library_file AS f ON f.item_id = i.id GROUP BY i.id ORDER BY i.name;
SQL
aside echo "-- what is known against any of it: security advisories, as OSV writes them (one about the demo's own candidate)"
cat >"$work/advisories" <<JSON
{"id": "EXAMPLE-1", "modified": "2026-01-01T00:00:00Z", "summary": "it does not fit", "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:N/A:H"}], "affected": [{"package": {"ecosystem": "${system^}", "name": "demo-candidate"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}]}]}
JSON
printf '%s\n' "\\set osv \`cat $work/advisories\`" "SELECT new FROM release_mgmt.load_advisories(:'osv');" | quiet librarian >/dev/null
echo "librarian=> SELECT load_advisories(:'osv');"
sql librarian <<<"SELECT part, advisory, severity, score, fixed_in, settled FROM item_advisory;"

say "3. A RELEASE under a policy and an agreed plan"
does release_manager <<'SQL'
INSERT INTO change_request (code, type, title) VALUES ('CHG-7', 'normal', 'bring the install roots up to date');
SQL
aside echo "-- and the release policy, the Release Management Plan with a section for each clause, and a release unit"
quiet release_manager <<'SQL'
INSERT INTO release_policy (code, objectives, scope, principles)
VALUES ('POL', 'known content, no surprises', 'every install root', 'pilot first; nothing unsigned');
INSERT INTO policy_control SELECT id, 'package_signed', 'nothing unsigned' FROM release_policy;
INSERT INTO management_plan (code) VALUES ('RMP');
INSERT INTO plan_section SELECT p.id, c.clause, 'How we handle ' || c.title FROM management_plan AS p, plan_clause AS c;
INSERT INTO release_unit (code, ci_classes, extent) VALUES ('system packages', '{package}', 'delta');
SQL
aside sql customer <<<"CALL accept_plan('RMP', 1, 'Customer');"
aside sql authority <<<"CALL accept_plan('RMP', 1, 'Authority');"
var=([items]="{$(IFS=,; echo "${items[*]}")}" [bad]="$bad")
does release_manager <<'SQL'
SELECT create_release('REL-1', 'minor', model => 'standard', customers => '{Customer}', changes => '{CHG-7}',
    policy => 'POL', plan => 'RMP', planned => tstzrange(now(), now() + '4 hours'), early_life => '3 seconds');
SELECT create_package('PKG-1', release => 'REL-1', items => :'items'::uuid[] || :'bad'::uuid, unit => 'system packages');
INSERT INTO design_option (release_id, roll_out, delivery, mechanism, rationale, chosen)
VALUES (release_id('REL-1'), 'phased', 'pull', 'automated', 'a fault shows on one root before it reaches the others', true);
SELECT add_wave('REL-1', 'pilot', '{host/root-a}', pilot => true);
SELECT add_wave('REL-1', 'rest', '{host/root-b,host/root-c}');
SQL
say "One candidate does not fit, and the package can not be sealed with it:"
aside sql release_manager <<'SQL'
SELECT component, finding, candidates FROM check_compatibility('PKG-1') WHERE severity = 'error' AND target = 'host/root-a';
SQL
refused release_manager RM006 <<<"SELECT seal_package('PKG-1');"
aside sql release_manager <<<"DELETE FROM component WHERE package_id = package_id('PKG-1') AND name = 'demo-candidate';"
say "What changes in the CMDB is planned value by value, tried out, and taken back:"
aside does release_manager <<<"SELECT derive_ci_changes('REL-1');"
sql release_manager <<'SQL'
SELECT ci, attribute, old_value, new_value, outcome FROM dry_run('REL-1') WHERE ci LIKE 'package/root-a:%' ORDER BY ci, attribute;
SQL
expect "the CMDB after the dry run" "$(rows_of root-a)" "$(sort "$work/image" | sha256sum)"

openssl genpkey -algorithm ed25519 -out "$work/release_manager.pem" 2>/dev/null
var=([public]="$(openssl pkey -in "$work/release_manager.pem" -pubout)")
quiet release_manager <<<"CALL register_signing_key('release_manager', :'public')"
say "Sealed: the manifest is plain text, its digest is signed with a key made by openssl."
digest=$(quiet release_manager <<<"SELECT seal_package('PKG-1')")
echo "release_manager=> SELECT seal_package('PKG-1');"
echo "  $digest"
quiet release_manager <<<"SELECT manifest FROM release_package WHERE code = 'PKG-1' AND current" | sed '$d' >"$work/manifest"
expect "sha256sum of the manifest" "sha256:$(sha256sum "$work/manifest" | cut -c 1-64)" "$digest"
printf %s "$digest" >"$work/d"
echo '$ printf %s "$digest" >d; openssl pkeyutl -sign -inkey release_manager.pem -rawin -in d | base64 -w0'
var=([sig]="$(openssl pkeyutl -sign -inkey "$work/release_manager.pem" -rawin -in "$work/d" | base64 -w0)")
aside refused release_manager RM011 1 <<<"CALL add_signature('PKG-1', 'release_manager', '\\x00');"
sql release_manager <<<"CALL add_signature('PKG-1', 'release_manager', decode(:'sig', 'base64'));"
aside refused release_manager RM009 1 <<<"DELETE FROM component WHERE package_id = package_id('PKG-1');"

say "What stands in the way now, and who can supply it:"
sql release_manager <<'SQL'
SELECT gate, string_agg(criterion || ' (' || owner || ')', ', ') AS missing FROM gate_status
WHERE release = 'REL-1' AND status <> 'met' AND gate IN ('accepted', 'authorized', 'pilot') GROUP BY gate ORDER BY gate;
SQL
refused release_manager RM005 1 <<<"CALL advance_release('REL-1', 'pilot');"

say "Each piece of evidence blocks its gate until it is dealt with:"
gate 'tests passed' unmet
(
    echo "1..${#packages[@]}"
    number=0
    for package in "${packages[@]}"; do
        IFS=$'\t' read -r file name _ _ _ <<<"$package"
        number=$((number + 1))
        mkdir -p "$work/test/$name"
        dpkg-deb -x "$debs/$file" "$work/test/$name"
        dpkg-deb --ctrl-tarfile "$debs/$file" | tar -xO ./md5sums >"$work/md5sums" 2>/dev/null || true
        if (cd "$work/test/$name" && { [ ! -s "$work/md5sums" ] || md5sum --quiet -c "$work/md5sums"; }) >/dev/null 2>&1; then
            echo "ok $number - $name unpacks to what its own sums say"
        else
            echo "not ok $number - $name unpacks to what its own sums say"
        fi
    done
) >"$work/tap"
quiet test_manager <<'SQL'
INSERT INTO test_plan (release_id, test, method, tool, procedure)
VALUES (release_id('REL-1'), 'unpack', 'comparison', 'dpkg-deb, md5sum', 'unpack each package and check its md5sums');
SQL
var=([output]="$(cat "$work/tap")")
sql test_manager <<<"INSERT INTO test_run (release_id, test, format, output) VALUES (release_id('REL-1'), 'unpack', 'tap', :'output');"
gate 'tests passed' met

gate 'no blocking risk' unmet
sql release_manager <<'SQL'
INSERT INTO risk (code, release_id, description, severity, blocking)
VALUES ('RSK-1', release_id('REL-1'), 'a root may run out of space', 'high', true);
SQL
gate 'no blocking risk' unmet
does release_manager <<'SQL'
INSERT INTO corrective_action (code, entry_id, what, owner_id)
VALUES ('ACT-1', entry_id('RSK-1'), 'free 1 GB on each root', person_id('release_manager'));
SQL
does release_manager <<<"CALL complete_corrective_action('ACT-1'); CALL close_entry('RSK-1', 'space freed');"
gate 'no blocking risk' met

gate 'stakeholders notified' unmet
does release_manager <<'SQL'
INSERT INTO stakeholder (release_id, organization_id, name, impact)
VALUES (release_id('REL-1'), organization_id('Customer'), 'users of the roots', 'a restart');
INSERT INTO communication (code, release_id, organization_id, stakeholder_id, subject, body)
VALUES ('MSG-1', release_id('REL-1'), organization_id('Customer'), stakeholder_id('REL-1', 'Customer', 'users of the roots'),
    'Update of the install roots', 'Programs restart once.');
SQL
gate 'stakeholders notified' unmet
sql customer <<<"CALL acknowledge_communication('MSG-1');"
gate 'stakeholders notified' met

gate 'knowledge transferred to users' unmet
sql release_manager <<'SQL'
INSERT INTO knowledge_item (code, release_id, audience, organization_id, title, location)
VALUES ('KNO-1', release_id('REL-1'), 'users', organization_id('Customer'), 'what is new', '/usr/share/doc');
CALL deliver_knowledge('KNO-1');
SQL
quiet release_manager <<'SQL'
INSERT INTO knowledge_item (code, release_id, audience, organization_id, title, location)
VALUES ('KNO-2', release_id('REL-1'), 'operations', organization_id('Provider'), 'how to back out', '/usr/share/doc');
CALL deliver_knowledge('KNO-2');
SQL
gate 'knowledge transferred to users' unmet
sql customer <<<"CALL acknowledge_knowledge('KNO-1');"
gate 'knowledge transferred to users' met
quiet worker <<<"CALL acknowledge_knowledge('KNO-2');"

gate 'support requests done' unmet
sql customer <<'SQL'
INSERT INTO support_request (code, release_id, from_organization_id, to_organization_id, what)
VALUES ('SUP-1', release_id('REL-1'), organization_id('Customer'), organization_id('Provider'), 'a copy of the roots to try it on');
SQL
gate 'support requests done' unmet
aside refused release_manager RM015 1 <<<"CALL complete_support_request('SUP-1');"
aside sql release_manager <<'SQL'
CALL acknowledge_support_request('SUP-1');
CALL complete_support_request('SUP-1');
SQL
gate 'support requests done' met

gate 'remediation planned' unmet
does release_manager <<'SQL'
INSERT INTO remediation_plan (release_id, kind, body) VALUES (release_id('REL-1'), 'back-out', 'remove the files, restore the CMDB rows');
INSERT INTO change_window (release_id, period) VALUES (release_id('REL-1'), tstzrange(now() - interval '1 minute', now() + interval '4 hours'));
SQL
aside echo "-- and what the pilot is held against, the warranty, the service levels"
quiet release_manager <<'SQL'
INSERT INTO pilot (release_id, control, ends_at) VALUES (release_id('REL-1'), 'the same files on this host', now() + interval '4 hours');
INSERT INTO pilot_metric (release_id, metric, better) VALUES (release_id('REL-1'), 'libraries not found', 'lower');
INSERT INTO warranty (release_id, period, terms) VALUES (release_id('REL-1'), '30 days', 'faults are mended at no cost');
INSERT INTO service_level (release_id, metric, kind, comparison, target, unit)
VALUES (release_id('REL-1'), 'incidents under warranty', 'incidents', 'at most', 2, 'incidents');
SQL
gate 'remediation planned' met
sql customer <<<"CALL agree_criteria('REL-1', 'Customer');"

say "Approval binds to one digest over content, plan, criteria and remediation, and is another person's:"
gate 'changes approved' unmet
agreed=$(quiet release_manager <<<"SELECT approval_digest('REL-1')")
var=([agreed]="$agreed")
refused release_manager RM008 2 <<<"CALL approve_release('REL-1', :'agreed');"
aside refused change_manager RM007 1 <<<"CALL approve_release('REL-1', 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');"
sql change_manager <<<"CALL approve_release('REL-1', :'agreed');"
aside sql release_manager <<<"CALL agree_roll_out('REL-1', :'agreed');"
gate 'changes approved' met
echo "-- had the plan moved after that, the approval would be void"
aside sql release_manager <<'SQL'
BEGIN;
UPDATE remediation_plan SET body = 'hope' WHERE release_id = release_id('REL-1');
SELECT release, approved_by, valid, changed FROM release_approval;
ROLLBACK;
SQL
expect "approvals that die with the plan" "$(quiet release_manager <<'SQL'
BEGIN;
UPDATE remediation_plan SET body = 'hope' WHERE release_id = release_id('REL-1');
SELECT count(*) FROM release_approval WHERE valid;
ROLLBACK;
SQL
)" 0
aside refused release_manager RM004 1 <<<"UPDATE release SET state = 'closed' WHERE code = 'REL-1';"
sql change_manager <<<"CALL advance_release('REL-1', 'pilot');"

say "4. THE PILOT, then the rest. Workers claim steps, install with dpkg-deb, and report what sha256sum says."
"$here/worker.sh" worker-1 "$work/roots"
expect "targets verified in the pilot" "$(quiet worker <<<"SELECT string_agg(ci || ' ' || state, ', ' ORDER BY ci) FROM target")" \
    'host/root-a verified, host/root-b planned, host/root-c planned'
var=([first]="$first")
echo "-- installing wrote the planned changes to the CMDB; nothing else passes, not even on the item that the release changed:"
refused "$superuser" RM010 <<'SQL'
UPDATE installed_package SET version = '0' WHERE host = 'root-a' AND name = :'first';
SQL

# The measurement: shared libraries that the installed programs do not find, in the pilot and on the host itself. The pilot
# has those of its own root before the host's.
not_found() {
    local file libraries=
    [ "$1" = / ] || libraries=$(find "$1" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd :)
    while read -r file; do
        if [ -f "$1/$file" ] && head -c 4 "$1/$file" | grep -q ELF; then LD_LIBRARY_PATH=$libraries ldd "$1/$file" 2>/dev/null | grep -c 'not found' || true; fi
    done < <(cut -d ' ' -f 3- "$work/files") | awk '{ n += $1 } END { print n + 0 }'
}
var=()
quiet worker <<<"SELECT item_manifest(c.item_id) FROM component AS c WHERE c.package_id = package_id('PKG-1')" | sed '/^$/d' >"$work/files"
var=([pilot]="$(not_found "$work/roots/root-a")" [control]="$(not_found /)")
aside sql worker <<'SQL'
INSERT INTO pilot_measurement (release_id, metric, pilot_value, control_value) VALUES (release_id('REL-1'), 'libraries not found', :pilot, :control);
SQL
sql release_manager <<<"CALL advance_release('REL-1', 'deploying');"
"$here/worker.sh" worker-2 "$work/roots" 1
victim=$(cut -d ' ' -f 3- "$work/files" | while read -r file; do if [ -f "$work/roots/root-b/$file" ] && [ ! -L "$work/roots/root-b/$file" ]; then echo "$file"; fi; done | sed -n 1p)
say "Somebody tampers with $victim on root-b. The second look, by another worker, finds it:"
echo tampered >>"$work/roots/root-b/$victim"
"$here/worker.sh" worker-1 "$work/roots"
var=()
sql release_manager <<'SQL'
SELECT target, state, f ->> 'file' AS file, left(f ->> 'expected', 18) AS expected, left(f ->> 'found', 18) AS found
FROM deployment_progress, jsonb_array_elements(findings) AS f WHERE release = 'REL-1';
SQL
expect "the file that failed" "$(quiet release_manager <<<"SELECT string_agg(f ->> 'file', ',') FROM deployment_step, jsonb_array_elements(findings) AS f WHERE state = 'failed'")" "$victim"
say "That target is backed out, its CMDB rows exactly as they were, and done again:"
sql release_manager <<<"CALL back_out_target('REL-1', 'host/root-b');"
expect "the rows of root-b after the back-out" "$(rows_of root-b)" "$(sort "$work/image" | sha256sum)"
"$here/worker.sh" worker-2 "$work/roots" 1
[ ! -e "$work/roots/root-b/$victim" ] || fail "the back-out left $victim"
sql release_manager <<<"CALL deploy_again('REL-1', 'host/root-b');"
"$here/worker.sh" worker-1 "$work/roots"
sql release_manager <<<"SELECT wave, target, state, attempt, step, step_state, worker FROM deployment_progress WHERE release = 'REL-1';"
expect "the host's own rows" "$(rows_of "$host")" "$(sort "$work/installed" | sha256sum)"

say "5. EARLY LIFE: an incident on one of the items, attributed through the items that the release changed."
sql change_manager <<<"CALL advance_release('REL-1', 'early_life');"
var=([ci]="package/root-b:$first")
sql worker <<'SQL'
INSERT INTO incident (code, ci, summary, severity) VALUES ('INC-1', :'ci', 'a program complains after the update', 'low');
SELECT * FROM attribute_incident('INC-1');
SQL
sql change_manager <<<"CALL confirm_attribution('INC-1', 'REL-1', true, 'the file was touched during the roll-out');"
sleep 3
refused change_manager RM005 <<<"CALL advance_release('REL-1', 'review');"
sql worker <<<"UPDATE incident SET resolved_at = now(), resolution = 'restarted' WHERE code = 'INC-1';"
sql change_manager <<<"CALL advance_release('REL-1', 'review');"
deviation=$(quiet release_manager <<<"SELECT code FROM deviation")
var=([deviation]="$deviation")
echo "-- the failed step entered itself as deviation $deviation"
aside sql release_manager <<'SQL'
INSERT INTO corrective_action (code, entry_id, what, owner_id)
VALUES ('ACT-2', entry_id(:'deviation'), 'deployed again, access to the roots closed', person_id('release_manager'));
CALL complete_corrective_action('ACT-2');
SQL
does release_manager <<'SQL'
INSERT INTO implementation_review (release_id, conclusion) VALUES (release_id('REL-1'), 'Delivered; one target done twice.');
CALL advance_release('REL-1', 'closed');
SQL
sql release_manager <<<"SELECT month, type, completed, successful, reversals, corrections, disruptions, on_time FROM release_outcome_monthly WHERE completed > 0;"
say "The ledger is sequenced and signed; then every clause of the contract, from the rows that prove it:"
does "$superuser" <<<"CALL sequence_ledger(); SELECT sign_checkpoint();"
show release_manager <<<"SELECT clause, status, evidence FROM obligation_status WHERE release = 'REL-1';"
quiet release_manager <<'SQL' >"$work/clauses"
SELECT format('  %-9s %-4s %s', clause, status, left(evidence::text, 46)) FROM obligation_status WHERE release = 'REL-1' ORDER BY ordinal;
SQL
pr -t -2 -w 132 -l $((($(wc -l <"$work/clauses") + 1) / 2)) "$work/clauses" | expand
expect "clauses that are not met" "$(quiet release_manager <<<"SELECT string_agg(clause, '; ' ORDER BY ordinal) FROM obligation_status WHERE release = 'REL-1' AND status = 'not met'")" ""

. "$here/proof.sh"

say "Done: one release, from a file in quarantine to a proof that needs no trust in the database."
