-- What a worker's output says about each file: every form that GNU sha256sum prints, in the C locale.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;

\set d `printf 'hello' | sha256sum | cut -c-64`
SELECT quote_literal(path) AS path, digest = compute_digest('hello') AS same, verdict
FROM release_mgmt_internal.read_checksums(
    :'d' || E'  text mode\n'
    || :'d' || E' *binary mode\n'
    || upper(:'d') || E'  upper case\n'
    || E'SHA256 (tagged) = ' || :'d' || E'\n'
    || E'SHA256 (tag (with) = parentheses) = ' || :'d' || E'\n'
    || E'\\' || :'d' || E'  new\\nline\n'
    || :'d' || E'  ./usr/bin/env\n'
    || :'d' || E'  /usr/bin/env\n'
    || :'d' || E'  .//././usr/bin/env\r\n'
    || :'d' || E'  .hidden\n'
    || E'checked: OK\n'
    || E'a: OK: OK\n'
    || E'\\back\\\\slash: OK\n'
    || E'changed: FAILED\n'
    || E'gone: FAILED open or read\n'
    || E'sha256sum: gone: No such file or directory\n'
    || E'sha256sum: ''gone too'': No such file or directory\n'
    || E'sha256sum: secret: Permission denied\n'
    || E'sha256sum: etc: Is a directory');

-- Other algorithms are told by their length.
SELECT path, digest = compute_digest('hello', 'sha512') AS same, verdict
FROM release_mgmt_internal.read_checksums((SELECT digest_hex(compute_digest('hello', 'sha512'))) || '  long');

-- Everything else is left out.
SELECT *
FROM release_mgmt_internal.read_checksums(
    E'\n\r\n  \n: OK\n./: OK\nall is well\nOK\nsha256sum: WARNING: 1 computed checksum did NOT match\n'
    || left(:'d', 63) || E'  short\n' || :'d' || E'\n' || :'d' || E'  \n' || :'d' || E' one blank\n' || :'d' || E'\tpath\n'
    || E'SHA256 (open = ' || :'d' || E'\nSHA256 () = ' || :'d' || E'\nSHA256 (short) = ab\nMD5 (x) = d41d8cd98f00b204e9800998ecf8427e\n'
    || E'\\' || :'d' || E'  bad \\t escape\n\\' || :'d' || E'  cut \\\n');
SELECT count(*) FROM release_mgmt_internal.read_checksums('');
