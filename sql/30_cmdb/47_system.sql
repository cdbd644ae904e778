-- Module cmdb: operating systems, as a CMDB names them and as package URLs do.
--
-- The words are os-release(5)'s: ID, VERSION_ID. Whoever calls a system otherwise adds a row.

CREATE TABLE release_mgmt.operating_system (
    id            text,
    name          text NOT NULL,
    kernel        text NOT NULL,
    package_type  text,
    version_parts smallint NOT NULL DEFAULT 1,
    builtin       boolean NOT NULL DEFAULT false,
    CONSTRAINT operating_system_pkey PRIMARY KEY (id),
    CONSTRAINT operating_system_id_check CHECK (id <> '' AND id = lower(id)),
    CONSTRAINT operating_system_name_check CHECK (name <> ''),
    CONSTRAINT operating_system_kernel_check CHECK (kernel <> '' AND kernel = lower(kernel)),
    CONSTRAINT operating_system_version_parts_check CHECK (version_parts BETWEEN 1 AND 4)
);
COMMENT ON TABLE release_mgmt.operating_system IS
'Operating systems that a target may run and a component may be for. You add your own; shipped rows never change.';
COMMENT ON COLUMN release_mgmt.operating_system.id IS 'as os-release(5) has it in ID: debian, rhel; one that is its own kernel (linux, windows) stands for every system with it';
COMMENT ON COLUMN release_mgmt.operating_system.name IS 'as people write it';
COMMENT ON COLUMN release_mgmt.operating_system.kernel IS 'as the qualifier os of package URLs has it: linux, windows, darwin';
COMMENT ON COLUMN release_mgmt.operating_system.package_type IS 'type of the package URLs of the packages it is made of (deb, rpm, apk, alpm); NULL: of none such, or of several';
COMMENT ON COLUMN release_mgmt.operating_system.version_parts IS
'how many parts of a version tell one release from another: 12.5 of debian is 12, 22.04.3 of ubuntu is 22.04';
INSERT INTO release_mgmt.operating_system (id, name, kernel, package_type, version_parts, builtin) VALUES
    ('debian', 'Debian', 'linux', 'deb', 1, true),
    ('ubuntu', 'Ubuntu', 'linux', 'deb', 2, true),
    ('raspbian', 'Raspbian', 'linux', 'deb', 1, true),
    ('linuxmint', 'Linux Mint', 'linux', 'deb', 1, true),
    ('kali', 'Kali Linux', 'linux', 'deb', 2, true),
    ('fedora', 'Fedora', 'linux', 'rpm', 1, true),
    ('rhel', 'Red Hat Enterprise Linux', 'linux', 'rpm', 1, true),
    ('centos', 'CentOS', 'linux', 'rpm', 1, true),
    ('rocky', 'Rocky Linux', 'linux', 'rpm', 1, true),
    ('almalinux', 'AlmaLinux', 'linux', 'rpm', 1, true),
    ('ol', 'Oracle Linux', 'linux', 'rpm', 1, true),
    ('amzn', 'Amazon Linux', 'linux', 'rpm', 1, true),
    ('sles', 'SUSE Linux Enterprise Server', 'linux', 'rpm', 2, true),
    ('opensuse-leap', 'openSUSE Leap', 'linux', 'rpm', 2, true),
    ('opensuse-tumbleweed', 'openSUSE Tumbleweed', 'linux', 'rpm', 1, true),
    ('alpine', 'Alpine Linux', 'linux', 'apk', 2, true),
    ('wolfi', 'Wolfi', 'linux', 'apk', 1, true),
    ('arch', 'Arch Linux', 'linux', 'alpm', 1, true),
    ('linux', 'Linux', 'linux', NULL, 1, true),
    ('windows', 'Windows', 'windows', NULL, 1, true),
    ('darwin', 'macOS', 'darwin', NULL, 1, true),
    ('freebsd', 'FreeBSD', 'freebsd', NULL, 1, true),
    ('openbsd', 'OpenBSD', 'openbsd', NULL, 2, true),
    ('netbsd', 'NetBSD', 'netbsd', NULL, 1, true),
    ('solaris', 'Solaris', 'solaris', NULL, 1, true),
    ('aix', 'AIX', 'aix', NULL, 2, true),
    ('esxi', 'VMware ESXi', 'vmkernel', NULL, 1, true),
    ('ios', 'Cisco IOS', 'ios', NULL, 2, true),
    ('nx-os', 'Cisco NX-OS', 'nx-os', NULL, 2, true),
    ('junos', 'Junos OS', 'junos', NULL, 2, true);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.operating_system', 'WHERE NOT builtin');
SELECT release_mgmt_internal.govern_own('release_mgmt.operating_system');
SELECT release_mgmt_internal.is_shared('release_mgmt.operating_system', 'words');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.operating_system');

CREATE TABLE release_mgmt.operating_system_name (
    name    text,
    os      text NOT NULL,
    version text,
    builtin boolean NOT NULL DEFAULT false,
    CONSTRAINT operating_system_name_pkey PRIMARY KEY (name),
    CONSTRAINT operating_system_name_os_fkey FOREIGN KEY (os) REFERENCES release_mgmt.operating_system,
    CONSTRAINT operating_system_name_name_check CHECK (name ~ '^[[:lower:][:digit:].]+( [[:lower:][:digit:].]+)*$'),
    CONSTRAINT operating_system_name_version_check CHECK (version ~ '^\d+(\.\d+)*$')
);
COMMENT ON TABLE release_mgmt.operating_system_name IS
'What operating systems are called, in a CMDB and in package URLs: a name before the version (ubuntu linux), or one that says the version too (bookworm, our golden image 7). You add your own; shipped rows never change. read_operating_system() goes by them.';
COMMENT ON COLUMN release_mgmt.operating_system_name.name IS 'words in lower case with one space between, digits apart from letters; every other sign is a space: "CentOS-Stream9" is "centos stream 9"';
COMMENT ON COLUMN release_mgmt.operating_system_name.os IS 'the operating system that is meant';
COMMENT ON COLUMN release_mgmt.operating_system_name.version IS 'its release, as VERSION_ID of os-release(5) has it; NULL: what follows the name says it';
INSERT INTO release_mgmt.operating_system_name (name, os, version, builtin) VALUES
    ('debian', 'debian', NULL, true), ('debian linux', 'debian', NULL, true), ('debian gnu linux', 'debian', NULL, true),
    ('sid', 'debian', NULL, true), ('ubuntu', 'ubuntu', NULL, true), ('ubuntu linux', 'ubuntu', NULL, true), ('ubuntu server', 'ubuntu', NULL, true),
    ('ubuntu desktop', 'ubuntu', NULL, true), ('raspbian', 'raspbian', NULL, true), ('raspbian gnu linux', 'raspbian', NULL, true),
    ('linuxmint', 'linuxmint', NULL, true), ('linux mint', 'linuxmint', NULL, true), ('kali', 'kali', NULL, true), ('kali linux', 'kali', NULL, true),
    ('kali gnu linux', 'kali', NULL, true), ('fedora', 'fedora', NULL, true), ('fedora linux', 'fedora', NULL, true),
    ('fedora server', 'fedora', NULL, true), ('rhel', 'rhel', NULL, true), ('red hat', 'rhel', NULL, true), ('redhat', 'rhel', NULL, true),
    ('red hat enterprise linux', 'rhel', NULL, true), ('red hat enterprise linux server', 'rhel', NULL, true),
    ('redhat enterprise linux', 'rhel', NULL, true), ('centos', 'centos', NULL, true), ('centos linux', 'centos', NULL, true),
    ('centos stream', 'centos', NULL, true), ('rocky', 'rocky', NULL, true), ('rocky linux', 'rocky', NULL, true),
    ('almalinux', 'almalinux', NULL, true), ('alma linux', 'almalinux', NULL, true), ('alma', 'almalinux', NULL, true), ('ol', 'ol', NULL, true),
    ('oracle linux', 'ol', NULL, true), ('oracle linux server', 'ol', NULL, true), ('oraclelinux', 'ol', NULL, true), ('amzn', 'amzn', NULL, true),
    ('amazon linux', 'amzn', NULL, true), ('amazon linux ami', 'amzn', NULL, true), ('sles', 'sles', NULL, true),
    ('suse linux enterprise server', 'sles', NULL, true), ('suse linux enterprise', 'sles', NULL, true),
    ('opensuse leap', 'opensuse-leap', NULL, true), ('opensuse tumbleweed', 'opensuse-tumbleweed', NULL, true), ('alpine', 'alpine', NULL, true),
    ('alpine linux', 'alpine', NULL, true), ('wolfi', 'wolfi', NULL, true), ('arch', 'arch', NULL, true), ('arch linux', 'arch', NULL, true),
    ('archlinux', 'arch', NULL, true), ('linux', 'linux', NULL, true), ('gnu linux', 'linux', NULL, true), ('windows', 'windows', NULL, true),
    ('windows server', 'windows', NULL, true), ('microsoft windows', 'windows', NULL, true), ('microsoft windows server', 'windows', NULL, true),
    ('win', 'windows', NULL, true), ('darwin', 'darwin', NULL, true), ('macos', 'darwin', NULL, true), ('mac os x', 'darwin', NULL, true),
    ('os x', 'darwin', NULL, true), ('freebsd', 'freebsd', NULL, true), ('openbsd', 'openbsd', NULL, true), ('netbsd', 'netbsd', NULL, true),
    ('solaris', 'solaris', NULL, true), ('oracle solaris', 'solaris', NULL, true), ('sunos', 'solaris', NULL, true), ('aix', 'aix', NULL, true),
    ('ibm aix', 'aix', NULL, true), ('esxi', 'esxi', NULL, true), ('vmware esxi', 'esxi', NULL, true), ('cisco ios', 'ios', NULL, true),
    ('nx os', 'nx-os', NULL, true), ('cisco nx os', 'nx-os', NULL, true), ('junos', 'junos', NULL, true), ('juniper junos', 'junos', NULL, true),
    ('junos os', 'junos', NULL, true),
    ('buzz', 'debian', '1.1', true), ('rex', 'debian', '1.2', true), ('bo', 'debian', '1.3', true), ('hamm', 'debian', '2.0', true),
    ('slink', 'debian', '2.1', true), ('potato', 'debian', '2.2', true), ('woody', 'debian', '3.0', true), ('sarge', 'debian', '3.1', true),
    ('etch', 'debian', '4.0', true), ('lenny', 'debian', '5.0', true), ('squeeze', 'debian', '6.0', true), ('wheezy', 'debian', '7', true),
    ('jessie', 'debian', '8', true), ('stretch', 'debian', '9', true), ('buster', 'debian', '10', true), ('bullseye', 'debian', '11', true),
    ('bookworm', 'debian', '12', true), ('trixie', 'debian', '13', true), ('forky', 'debian', '14', true), ('duke', 'debian', '15', true),
    ('warty', 'ubuntu', '4.10', true), ('hoary', 'ubuntu', '5.04', true), ('breezy', 'ubuntu', '5.10', true), ('dapper', 'ubuntu', '6.06', true),
    ('edgy', 'ubuntu', '6.10', true), ('feisty', 'ubuntu', '7.04', true), ('gutsy', 'ubuntu', '7.10', true), ('hardy', 'ubuntu', '8.04', true),
    ('intrepid', 'ubuntu', '8.10', true), ('jaunty', 'ubuntu', '9.04', true), ('karmic', 'ubuntu', '9.10', true), ('lucid', 'ubuntu', '10.04', true),
    ('maverick', 'ubuntu', '10.10', true), ('natty', 'ubuntu', '11.04', true), ('oneiric', 'ubuntu', '11.10', true),
    ('precise', 'ubuntu', '12.04', true), ('quantal', 'ubuntu', '12.10', true), ('raring', 'ubuntu', '13.04', true),
    ('saucy', 'ubuntu', '13.10', true), ('trusty', 'ubuntu', '14.04', true), ('utopic', 'ubuntu', '14.10', true), ('vivid', 'ubuntu', '15.04', true),
    ('wily', 'ubuntu', '15.10', true), ('xenial', 'ubuntu', '16.04', true), ('yakkety', 'ubuntu', '16.10', true), ('zesty', 'ubuntu', '17.04', true),
    ('artful', 'ubuntu', '17.10', true), ('bionic', 'ubuntu', '18.04', true), ('cosmic', 'ubuntu', '18.10', true), ('disco', 'ubuntu', '19.04', true),
    ('eoan', 'ubuntu', '19.10', true), ('focal', 'ubuntu', '20.04', true), ('groovy', 'ubuntu', '20.10', true), ('hirsute', 'ubuntu', '21.04', true),
    ('impish', 'ubuntu', '21.10', true), ('jammy', 'ubuntu', '22.04', true), ('kinetic', 'ubuntu', '22.10', true), ('lunar', 'ubuntu', '23.04', true),
    ('mantic', 'ubuntu', '23.10', true), ('noble', 'ubuntu', '24.04', true), ('oracular', 'ubuntu', '24.10', true),
    ('plucky', 'ubuntu', '25.04', true), ('questing', 'ubuntu', '25.10', true), ('resolute', 'ubuntu', '26.04', true);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.operating_system_name', 'WHERE NOT builtin');
SELECT release_mgmt_internal.govern_own('release_mgmt.operating_system_name');
SELECT release_mgmt_internal.is_shared('release_mgmt.operating_system_name', 'words');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.operating_system_name');

CREATE TABLE release_mgmt.operating_system_runs (
    id           uuid DEFAULT release_mgmt.new_id(),
    os           text NOT NULL,
    version      text,
    runs_os      text NOT NULL,
    runs_version text,
    builtin      boolean NOT NULL DEFAULT false,
    CONSTRAINT operating_system_runs_pkey PRIMARY KEY (id),
    CONSTRAINT operating_system_runs_key UNIQUE NULLS NOT DISTINCT (os, version, runs_os, runs_version),
    CONSTRAINT operating_system_runs_os_fkey FOREIGN KEY (os) REFERENCES release_mgmt.operating_system,
    CONSTRAINT operating_system_runs_runs_os_fkey FOREIGN KEY (runs_os) REFERENCES release_mgmt.operating_system,
    CONSTRAINT operating_system_runs_version_check CHECK (version ~ '^\d+(\.\d+)*$' AND runs_version ~ '^\d+(\.\d+)*$')
);
COMMENT ON TABLE release_mgmt.operating_system_runs IS
'Which operating system runs packages that are for another one, or for another release of its own. You add your own; shipped rows never change. That a system is like another (ID_LIKE of os-release(5)) does not make it run that one''s packages.';
COMMENT ON COLUMN release_mgmt.operating_system_runs.version IS 'NULL: every release';
COMMENT ON COLUMN release_mgmt.operating_system_runs.runs_version IS 'NULL: of the other system the release of the same version';
CREATE INDEX operating_system_runs_runs_os_idx ON release_mgmt.operating_system_runs (runs_os);
INSERT INTO release_mgmt.operating_system_runs (id, os, version, runs_os, runs_version, builtin) VALUES
    ('019ac000-0005-7000-8000-000000000001', 'rocky', NULL, 'rhel', NULL, true),
    ('019ac000-0005-7000-8000-000000000002', 'almalinux', NULL, 'rhel', NULL, true),
    ('019ac000-0005-7000-8000-000000000003', 'ol', NULL, 'rhel', NULL, true),
    ('019ac000-0005-7000-8000-000000000004', 'centos', NULL, 'rhel', NULL, true),
    ('019ac000-0005-7000-8000-000000000005', 'linuxmint', '20', 'ubuntu', '20.04', true),
    ('019ac000-0005-7000-8000-000000000006', 'linuxmint', '21', 'ubuntu', '22.04', true),
    ('019ac000-0005-7000-8000-000000000007', 'linuxmint', '22', 'ubuntu', '24.04', true);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.operating_system_runs', 'WHERE NOT builtin');
SELECT release_mgmt_internal.govern_own('release_mgmt.operating_system_runs');
SELECT release_mgmt_internal.is_shared('release_mgmt.operating_system_runs', 'words');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.operating_system_runs');
SELECT release_mgmt_internal.is_source('release_mgmt.operating_system'), release_mgmt_internal.is_source('release_mgmt.operating_system_name'),
       release_mgmt_internal.is_source('release_mgmt.operating_system_runs');

CREATE FUNCTION release_mgmt_internal.same_release(one text, other text, parts integer) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT one IS NULL OR other IS NULL OR (v.one)[1:v.parts] = (v.other)[1:v.parts]
    FROM (SELECT o.one, o.other, least(same_release.parts, cardinality(o.one), cardinality(o.other)) AS parts
          FROM (SELECT pg_catalog.string_to_array(same_release.one, '.') AS one, pg_catalog.string_to_array(same_release.other, '.') AS other) AS o) AS v;
END;
COMMENT ON FUNCTION release_mgmt_internal.same_release(text, text, integer) IS
'Are two versions of an operating system of one release, as far as both are known? parts: how many of a version tell releases apart.';

CREATE FUNCTION release_mgmt_internal.plain_words(said text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.btrim(pg_catalog.regexp_replace(pg_catalog.regexp_replace(pg_catalog.regexp_replace(pg_catalog.lower(said),
        '([[:alpha:]])(?=\d)|(\d)(?=[[:alpha:]])', '\1\2 ', 'g'), '[^[:alnum:].]+|\.+(?!\d)', ' ', 'g'), ' +', ' ', 'g'));
END;
COMMENT ON FUNCTION release_mgmt_internal.plain_words(text) IS 'A text as operating_system_name writes names: words in lower case, digits apart from letters, one space between.';

-- Debian's testing and unstable have the same os-release and debian_version: trixie/sid tells which release is to come, and not which of
-- both it is.
CREATE FUNCTION release_mgmt_internal.without_testing(said text) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE WHEN t.testing IS NULL OR EXISTS (SELECT FROM release_mgmt.operating_system_name AS n
                                                  WHERE n.name = lower(t.testing) AND (n.os <> 'debian' OR n.version IS NULL)) THEN said
                ELSE regexp_replace(said, '\m[[:alpha:]]+/sid\M', 'sid', 'i') END
    FROM substring(said FROM '(?i)\m([[:alpha:]]+)/sid\M') AS t (testing);
END;
COMMENT ON FUNCTION release_mgmt_internal.without_testing(text) IS
'What the CMDB says of a system, with sid in the place of trixie/sid and its like: the name of a release of Debian, known or not yet, that is not out.';

-- SECURITY DEFINER: what it calls is of a schema that no duty reaches; it reads words that everybody may read.
CREATE FUNCTION release_mgmt.read_operating_system(said text, OUT os text, OUT version text)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    told CONSTANT text := release_mgmt_internal.without_testing(said);
    words CONSTANT text := release_mgmt_internal.plain_words(regexp_replace(told, '\([^)]*\)', ' ', 'g'));
    aside CONSTANT text := release_mgmt_internal.plain_words(coalesce((SELECT string_agg(m[1], ' ') FROM regexp_matches(told, '\(([^)]*)\)', 'g') AS m), ''));
    called operating_system_name;
    also operating_system_name;
    system operating_system;
    rest text;
    numbers text;
BEGIN
    SELECT n.* INTO called FROM operating_system_name AS n
    WHERE words = n.name OR left(words, length(n.name) + 1) = n.name || ' '
    ORDER BY length(n.name) DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- Of two versions (10/11, 20.04 or 22.04) neither is the one that runs.
    IF said ~* '\d\s*([/,;|&+]|->|\mor\M|\mand\M|\mto\M)\s*v?\d' OR position(' ' || called.name || ' ' IN substr(words, length(called.name) + 1) || ' ') > 0 THEN
        RETURN;
    END IF;
    SELECT s.* INTO STRICT system FROM operating_system AS s WHERE s.id = called.os;
    version := called.version;
    rest := regexp_replace(ltrim(substr(words, length(called.name) + 1)), '^((v|version|release|stream|server|lts) )+(?=\d)', '');
    IF version IS NULL THEN
        -- 22-04 and 15 SP5 are written with points too.
        numbers := substring(regexp_replace(rest, '^(\d+) sp (\d+)', '\1.\2') FROM '^\d+(?:\.\d+)*(?: \d+(?![^ ]))*');
        version := CASE WHEN numbers LIKE '% %' THEN array_to_string((string_to_array(replace(numbers, ' ', '.'), '.'))[1:greatest(system.version_parts, cardinality(string_to_array(split_part(numbers, ' ', 1), '.')))], '.')
                        ELSE numbers END;
    END IF;
    -- Beside the version people write the release's name; where there is none, that name alone says it, and nothing else does.
    IF version IS NULL OR called.version IS NOT NULL THEN
        SELECT n.version INTO version FROM operating_system_name AS n
        WHERE n.os = called.os AND rest = n.name AND (called.version IS NULL OR n.version IS NULL OR n.version = called.version);
        IF NOT FOUND AND rest <> '' THEN
            version := NULL;
            RETURN;
        END IF;
        version := coalesce(called.version, version);
    END IF;
    -- What the brackets or the rest say of another release contradicts.
    FOR also IN
        SELECT n.* FROM operating_system_name AS n
        WHERE n.os = called.os AND n.version IS NOT NULL AND position(' ' || n.name || ' ' IN ' ' || aside || ' ' || rest || ' ') > 0
    LOOP
        IF NOT release_mgmt_internal.same_release(version, also.version, system.version_parts) THEN
            version := NULL;
            RETURN;
        END IF;
        version := coalesce(version, also.version);
    END LOOP;
    os := system.id;
END $$;
COMMENT ON FUNCTION release_mgmt.read_operating_system(text) IS
'Which operating system a text means that a CMDB or a package URL tells it by: "Ubuntu Linux 20.04", "Debian GNU/Linux 12 (bookworm)", bookworm, rhel-8.6. os: its id in operating_system, ID of os-release(5); version: VERSION_ID, as far as the text says it: of trixie/sid, by which Debian''s testing and unstable call themselves, it is not known. The text begins with a name of operating_system_name, and goes on with a version, a name of the release, or nothing; NULLs where it does not, says two versions, or contradicts itself.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.read_operating_system(text)');
