-- Is a component for the operating system that its target runs: what a CMDB calls a system, what a package URL says, and what
-- follows where both can be read.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('platform.example.org') AS origin \gset
CALL release_mgmt.grant_duty(current_user, 'librarian', 'Provider');
CALL release_mgmt.grant_duty(current_user, 'release manager', 'Provider');
SET search_path = public, release_mgmt;
SELECT plan(88);

-- What people write, and what it means: os-release(5)'s PRETTY_NAME, NetBox's platforms, codenames, package URLs' distro.
SELECT is((SELECT concat_ws(' ', r.os, r.version) FROM read_operating_system(u.said) AS r), u.meant, format('"%s"', u.said))
FROM (VALUES ('Debian GNU/Linux 12 (bookworm)', 'debian 12'), ('Debian 12', 'debian 12'), ('debian-12.5', 'debian 12.5'), ('bookworm', 'debian 12'),
             ('Debian bookworm', 'debian 12'), ('debian12', 'debian 12'), 
             -- Testing and unstable call themselves the same, by the name of the release to come: which one it is is not known.
             ('Debian GNU/Linux trixie/sid', 'debian'), ('trixie/sid', 'debian'), ('bookworm/sid', 'debian'), ('Debian GNU/Linux (forky/sid)', 'debian'), ('Debian GNU/Linux nexttocome/sid', 'debian'),
             ('sid', 'debian'), ('Debian GNU/Linux sid', 'debian'), ('Ubuntu jammy/sid', ''),
             ('Ubuntu Linux 20.04', 'ubuntu 20.04'), ('Ubuntu 22.04.3 LTS', 'ubuntu 22.04.3'), ('ubuntu-linux-18-04', 'ubuntu 18.04'), ('Ubuntu 20.04.6 LTS (Focal Fossa)', 'ubuntu 20.04.6'),
             ('jammy', 'ubuntu 22.04'), ('Ubuntu Noble', 'ubuntu 24.04'), ('ubuntu', 'ubuntu'),
             ('Red Hat Enterprise Linux 8.6 (Ootpa)', 'rhel 8.6'), ('Red Hat Enterprise Linux Server release 7.9 (Maipo)', 'rhel 7.9'), ('rhel-9.2', 'rhel 9.2'), ('redhat', 'rhel'),
             ('CentOS Stream 9', 'centos 9'), ('Rocky Linux 9.3 (Blue Onyx)', 'rocky 9.3'), ('AlmaLinux 9', 'almalinux 9'), ('Fedora Linux 39 (Server Edition)', 'fedora 39'),
             ('SLES 15 SP5', 'sles 15.5'), ('opensuse-leap-15.5', 'opensuse-leap 15.5'), ('Alpine Linux v3.19', 'alpine 3.19'), ('Amazon Linux 2023', 'amzn 2023'),
             ('Windows Server 2019 Standard', 'windows 2019'), ('Microsoft Windows 10', 'windows 10'), ('Cisco IOS', 'ios'), ('linux', 'linux'),
             -- Rather nothing than something wrong.
             ('', ''), ('Debian-based appliance 4.2', ''), ('Ubuntu Core 22', ''), ('focal point 3', ''), ('Debian 12 (bullseye)', ''), ('Debian 10/11', ''), ('Ubuntu 20.04 or 22.04', ''), ('Debian 11 -> Debian 12', ''), ('Debian 12 amd64/arm64', 'debian 12'), ('BeOS 5', ''), ('12', '')) AS u (said, meant);

CREATE ROLE regress_reader;
CALL grant_duty('regress_reader', 'reader', 'Provider');
SET ROLE regress_reader;
SELECT is((SELECT concat_ws(' ', r.os, r.version) FROM read_operating_system('jammy') AS r), 'ubuntu 22.04', 'whoever has a duty may ask');
RESET ROLE;
CREATE TABLE platform (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE vm (name text PRIMARY KEY, platform_id integer REFERENCES platform, os text);
CREATE TABLE package (vm text REFERENCES vm, name text, version text NOT NULL, PRIMARY KEY (vm, name));
INSERT INTO platform VALUES (1, 'Ubuntu Linux 20.04'), (2, 'Debian 12'), (3, 'Windows Server 2019'), (4, 'Our Golden Image 7'), (5, 'Red Hat Enterprise Linux 9');
INSERT INTO vm SELECT 'vm' || id, id FROM platform;
INSERT INTO vm VALUES ('vm0');
SELECT bind_ci_class('vm', 'vm', key => '{name}', name => 'name', platform => 'platform_id.name') AS vms \gset
SELECT bind_ci_class('package', 'package', key => '{vm,name}', name => 'name', version => 'version', scheme => 'deb') AS packages \gset
CALL bind_ci_relation('installed on', 'package', '{vm}', 'vm');

-- Accepted without its content: what matters here is its package URL.
CREATE FUNCTION item(purl text) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    taken uuid := begin_intake(item.purl::purl);
BEGIN
    PERFORM set_config('session_replication_role', 'replica', true);
    UPDATE library_item SET state = 'accepted', digest = compute_digest(convert_to(item.purl, 'UTF8')), size = 1, accepted_by = taken_in_by, accepted_at = now() WHERE id = taken;
    PERFORM set_config('session_replication_role', 'origin', true);
    RETURN taken;
END $$;
-- What a package of these items is found to be wrong with on a target, as far as it is a matter of platforms.
CREATE SEQUENCE scenario;
CREATE FUNCTION brought(VARIADIC purls text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    n bigint := nextval('scenario');
    items uuid[] := ARRAY(SELECT coalesce((SELECT i.id FROM library_item AS i WHERE i.purl = p::purl AND i.state = 'accepted'), item(p)) FROM unnest(purls) AS p);
    made uuid;
BEGIN
    PERFORM create_release('REL-' || n, 'minor');
    made := create_package('PKG-' || n, 'REL-' || n, items);
    UPDATE component SET related_reason = 'scenario' WHERE package_id = made;
    RETURN 'PKG-' || n;
END $$;
CREATE FUNCTION told(vm text, VARIADIC purls text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    code text := brought(VARIADIC purls);
BEGIN
    RETURN QUERY SELECT format('%s %s: %s', f.severity, f.class, f.finding) FROM check_compatibility(code, ARRAY['vm/' || vm]) AS f WHERE f.kind LIKE '%platform';
END $$;

SELECT results_eq($$SELECT told('vm1', 'pkg:deb/debian/tool@1.0?distro=debian-12')$$, ARRAY['error introduced: tool 1.0 is for Debian 12; the target runs Ubuntu 20.04'], 'a package of another distribution');
SELECT results_eq($$SELECT told('vm1', 'pkg:deb/debian/tool@1.1')$$, ARRAY['error introduced: tool 1.1 is for Debian; the target runs Ubuntu 20.04'], 'known from the namespace alone');
SELECT is_empty($$SELECT told('vm2', 'pkg:deb/debian/tool@1.0?distro=debian-12')$$, 'one of the target''s own');
SELECT is_empty($$SELECT told('vm2', 'pkg:deb/debian/tool@1.2?distro=bookworm', 'pkg:deb/debian/tool2@1.2?distro=debian-12.5', 'pkg:deb/debian/tool3@1.2?distro=12')$$, 'by a codename, a point release, a version');
SELECT results_eq($$SELECT told('vm2', 'pkg:deb/debian/tool@1.3?distro=trixie')$$, ARRAY['error introduced: tool 1.3 is for Debian 13; the target runs Debian 12'], 'of another release');
SELECT is_empty($$SELECT told('vm2', 'pkg:deb/example/tool@1.4')$$, 'of a maker that is no operating system');
SELECT results_eq($$SELECT told('vm5', 'pkg:deb/example/tool@1.4')$$, ARRAY['error introduced: tool 1.4 is for systems of deb packages; the target runs Red Hat Enterprise Linux 9'], 'but of another kind than the target is made of');
SELECT results_eq($$SELECT told('vm3', 'pkg:apk/alpine/tool@1.0', 'pkg:generic/agent@1.0?os=linux', 'pkg:generic/setup@1.0?os=windows', 'pkg:npm/left@1.0.0', 'pkg:pypi/right@1.0')$$,
    ARRAY['error introduced: agent 1.0 is for Linux; the target runs Windows 2019', 'error introduced: tool 1.0 is for Alpine Linux; the target runs Windows 2019'], 'what runs everywhere does so');
SELECT results_eq($$SELECT told('vm1', 'pkg:generic/setup@1.0?os=windows', 'pkg:generic/agent@1.0?os=linux')$$, ARRAY['error introduced: setup 1.0 is for Windows; the target runs Ubuntu 20.04'], 'and what is for one kernel, there');
SELECT is_empty($$SELECT told('vm5', 'pkg:rpm/redhat/tool@1.0-1?distro=rhel-9.2')$$, 'a minor release of the target''s');
SELECT is_empty($$SELECT told('vm0', 'pkg:rpm/redhat/tool@1.0-1?distro=rhel-9.2')$$, 'nothing is known of the target: nothing is said');

-- What can not be read is told where it matters, and a row teaches it.
SELECT brought('pkg:deb/debian/tool@1.0?distro=debian-12') AS code \gset
SELECT results_eq($$SELECT severity, class, component, candidates FROM check_compatibility('$$ || :'code' || $$', '{vm/vm4}') WHERE kind = 'unreadable platform'$$,
    $$VALUES ('warning', 'pre-existing', '(installed)', 'vm/vm4: platform_id.name is "Our Golden Image 7"')$$, 'a platform that can not be read');
SELECT is_empty($$SELECT told('vm4', 'pkg:npm/left@1.0.0')$$, 'does not matter to what runs everywhere');
SELECT results_eq($$SELECT detail FROM binding_status WHERE class = 'vm' AND finding = 'platform unreadable'$$,
    ARRAY['1 items run "Our Golden Image 7", which is no operating system that read_operating_system() knows; tell it with a row of release_mgmt.operating_system_name.'], 'binding_status names it');
INSERT INTO operating_system_name (name, os, version) VALUES ('our golden image 7', 'rhel', '9');
SELECT results_eq($$SELECT told('vm4', 'pkg:deb/debian/tool@1.0?distro=debian-12')$$, ARRAY['error introduced: tool 1.0 is for Debian 12; the target runs Red Hat Enterprise Linux 9'], 'until a row says what it is');
SELECT results_eq($$SELECT finding FROM binding_status WHERE class = 'vm'$$, ARRAY['ok'], 'then all is well');

-- What another system runs nevertheless
INSERT INTO platform VALUES (6, 'Rocky Linux 9.3');
INSERT INTO vm VALUES ('vm6', 6);
SELECT is_empty($$SELECT told('vm6', 'pkg:rpm/redhat/tool@1.0-1?distro=rhel-9.2')$$, 'a rebuild runs the packages of the same release');
SELECT results_eq($$SELECT told('vm6', 'pkg:rpm/redhat/tool@1.0-2?distro=rhel-8.6')$$, ARRAY['error introduced: tool 1.0-2 is for Red Hat Enterprise Linux 8.6; the target runs Rocky Linux 9.3'], 'and of no other');
INSERT INTO operating_system_runs (os, version, runs_os, runs_version) VALUES ('ubuntu', '20.04', 'debian', '11');
SELECT is_empty($$SELECT told('vm1', 'pkg:deb/debian/tool@1.5?distro=bullseye')$$, 'a row says what runs where');
SELECT results_eq($$SELECT told('vm1', 'pkg:deb/debian/tool@1.0?distro=debian-12')$$, ARRAY['error introduced: tool 1.0 is for Debian 12; the target runs Ubuntu 20.04'], 'and no more than it says');

-- How it is told, and what is to be done
SELECT brought('pkg:deb/debian/tool@1.0?distro=bookworm', 'pkg:npm/left@1.0.0') AS code \gset
SELECT results_eq(format($$SELECT l FROM explain_compatibility(%L, '{vm/vm1}') AS l WHERE l ~ 'is for|platform_id|because'$$, :'code'),
    ARRAY['    error: tool 1.0 is for Debian 12; the target runs Ubuntu 20.04 [platform, introduced]', '      seen: vm/vm1: platform_id.name is "Ubuntu Linux 20.04"',
          '      because its package URL is pkg:deb/debian/...?distro=bookworm'], 'a finding tells what was read where');
SELECT results_eq(format($$SELECT action, name, pkgver_version(version) FROM suggest_repairs(%L, '{vm/vm1}')$$, :'code'), $$VALUES ('replace', 'tool', '1.1'), ('replace', 'tool', '1.4'), ('replace', 'tool', '1.5'), ('drop', 'tool', '1.0')$$,
    'repairs: what the target runs, or may run, or none; nothing that is known to be for another system');

-- What the release itself makes of the target counts, and what other tables say is read anew.
SELECT brought('pkg:deb/debian/tool@1.0?distro=bookworm') AS code \gset
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) SELECT p.release_id, 'vm/vm1', 'platform_id', '2' FROM release_package AS p WHERE p.code = :'code';
SELECT is_empty(format($$SELECT target, finding FROM check_compatibility(%L) WHERE kind = 'platform'$$, :'code'), 'a target that the release moves to the system its components are for');
SELECT replace(:'code', 'PKG', 'REL') AS release \gset
SELECT add_wave(:'release', 'all', '{vm/vm1}') AS wave \gset
SELECT is_empty(format($$SELECT wave, finding FROM check_waves(%L) WHERE kind = 'platform'$$, :'release'), 'also where what its waves leave is looked at');
UPDATE planned_ci_change SET new_value = '3' WHERE ci = 'vm/vm1';
SELECT results_eq(format($$SELECT wave, finding FROM check_waves(%L) WHERE kind = 'platform'$$, :'release'), $$VALUES ('all', 'tool 1.0 is for Debian 12; the target runs Windows 2019')$$, 'and where it moves it away from that');
SELECT results_eq(format($$SELECT target, finding, candidates FROM check_compatibility(%L) WHERE kind = 'platform'$$, :'code'),
    $$VALUES ('vm/vm1', 'tool 1.0 is for Debian 12; the target runs Windows 2019', 'vm/vm1: platform_id.name is planned to be "Windows Server 2019"')$$, 'or away from it; the target of a planned change is checked although nothing is installed there');
SELECT throws_ok(format('SELECT seal_package(%L)', :'code'), 'RM006', format('package "%s" does not fit', :'code'), 'it is not sealed');
SELECT is((SELECT (release_mgmt_internal.check_package_compatible(p.release_id)).met FROM release_package AS p WHERE p.code = :'code'), false, 'nor does it pass its gate');
UPDATE platform SET name = 'Debian 12' WHERE id = 3;
SELECT is_empty(format($$SELECT target, finding FROM check_compatibility(%L) WHERE kind = 'platform'$$, :'code'), 'as another table says now');
UPDATE platform SET name = 'Windows Server 2019' WHERE id = 3;

-- A planned value is not put through the customer's code: it would run with the rights of the extension's owner.
CREATE SEQUENCE ran;
CREATE FUNCTION spy(text) RETURNS boolean LANGUAGE sql AS $$ SELECT nextval('public.ran') > 0 $$;
CREATE DOMAIN spied AS text CHECK (spy(VALUE));
CREATE DOMAIN spied_twice AS spied;
ALTER TABLE vm ADD told spied_twice;
SELECT bind_ci_class('vm', 'vm', key => '{name}', name => 'name', platform => 'told') AS vms \gset
SELECT brought('pkg:deb/debian/tool@1.0?distro=bookworm') AS code \gset
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) SELECT p.release_id, 'vm/vm2', 'told', 'Fedora 39' FROM release_package AS p WHERE p.code = :'code';
SELECT last_value AS before FROM ran \gset
SELECT results_eq(format($$SELECT finding FROM check_compatibility(%L) WHERE kind = 'platform'$$, :'code'), ARRAY['tool 1.0 is for Debian 12; the target runs Fedora 39'], 'a column of a domain');
SELECT is((SELECT last_value FROM ran), :before::bigint, 'whose check is not run');

-- A column of the items' own, kept between checks; items that are installed on what runs the system
SELECT bind_ci_class('vm', 'vm', key => '{name}', name => 'name', platform => 'os') AS vms \gset
UPDATE vm SET os = 'bookworm' WHERE name = 'vm1';
INSERT INTO package VALUES ('vm1', 'base', '1');
SELECT is_empty($$SELECT told('vm1', 'pkg:deb/debian/tool@1.0?distro=debian-12')$$, 'a column of the item''s own');
UPDATE vm SET os = 'focal' WHERE name = 'vm1';
SELECT results_eq($$SELECT told('vm1', 'pkg:deb/debian/tool@1.0?distro=debian-12')$$, ARRAY['error introduced: tool 1.0 is for Debian 12; the target runs Ubuntu 20.04'], 'an update of it is seen');
SELECT results_eq(format($$SELECT f.finding, f.candidates FROM check_compatibility(%L, '{package/vm1:base}') AS f WHERE f.kind = 'platform'$$, brought('pkg:deb/debian/tool@1.0?distro=debian-12')),
    $$VALUES ('tool 1.0 is for Debian 12; the target runs Ubuntu 20.04', 'vm/vm1: os is "focal"')$$, 'a target that is installed on what runs the system');
ALTER TABLE vm RENAME os TO runs;
SELECT results_eq($$SELECT platform_path FROM ci_class WHERE name = 'vm'$$, ARRAY['runs'], 'the binding follows a renamed column');
ALTER TABLE vm DROP runs;
SELECT is_empty($$SELECT told('vm1', 'pkg:deb/debian/tool@1.0?distro=debian-12')$$, 'one that is gone says nothing');
SELECT results_eq($$SELECT finding FROM binding_status WHERE class = 'vm'$$, ARRAY['path broken'], 'and is a finding of binding_status');
CREATE FUNCTION refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    EXECUTE statement;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLERRM || ': ' || detail;
END $$;
SELECT is(refusal($$SELECT bind_ci_class('vm', 'vm', key => '{name}', name => 'name', platform => 'nothing')$$),
    'public.vm can not be bound to class "vm": platform: "nothing" can not be read: table public.vm has no column "nothing".', 'a path that leads nowhere is refused');

-- Tables of one's own
SELECT create_ci_class('server', '{"os": "text"}', platform => 'os') AS servers \gset
INSERT INTO cmdb.server (code, name, os) VALUES ('web1', 'web server', 'Ubuntu 20.04');
SELECT results_eq(format($$SELECT f.candidates FROM check_compatibility(%L, '{server/web1}') AS f WHERE f.kind = 'platform'$$, brought('pkg:deb/debian/tool@1.0?distro=debian-12')),
    ARRAY['server/web1: os is "Ubuntu 20.04"'], 'an attribute of create_ci_class() tells it too');
SELECT * FROM finish();
