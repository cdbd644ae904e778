-- Every parser and constructor of the types, with each kind of text that is none: SQLSTATE, place, and what was expected.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;

CREATE TABLE bad (ordinal integer GENERATED ALWAYS AS IDENTITY, name text, value text);
INSERT INTO bad (name, value) VALUES ('empty', ''), ('space', ' '), ('slash', '/'), ('control character', E'1\x01'), ('megabyte of digits', repeat('9', 1000000)),
    ('10,000 identifiers', '1.0.0-' || repeat('a.', 9999) || 'a'), ('1,000 characters, more bytes', repeat('é', 1000)), ('sign alone', '>='), ('percent', '1%'), ('brackets alone', '[]');
CREATE TABLE parser (ordinal integer GENERATED ALWAYS AS IDENTITY, name text, call text);
INSERT INTO parser (name, call) VALUES ('pkgver', 'SELECT $1::pkgver'), ('scheme', $$SELECT pkgver($1, '1')$$);
INSERT INTO parser (name, call) SELECT format('pkgver(''%s'', _)', s), format('SELECT pkgver(''%s'', $1)', s) FROM unnest('{semver,deb,rpm,pep440,generic,maven,nuget}'::text[]) AS s;
INSERT INTO parser (name, call) SELECT s || '/', format('SELECT (''%s/'' || $1)::pkgver', s) FROM unnest('{semver,deb,rpm,pep440,generic,maven,nuget}'::text[]) AS s;
INSERT INTO parser (name, call) VALUES ('pkgver_range', 'SELECT $1::pkgver_range'), ('[deb/_,)', $$SELECT ('[deb/' || $1 || ',)')::pkgver_range$$),
    ('{[deb/_,)}', $$SELECT ('{[deb/' || $1 || ',)}')::pkgver_multirange$$);
INSERT INTO parser (name, call) SELECT s || '/ (pkgreq)', format('SELECT (''%s/'' || $1)::pkgreq', s) FROM unnest('{npm,deb,rpm,pep440,generic,maven,nuget,cargo}'::text[]) AS s;
INSERT INTO parser (name, call) VALUES ('pkgreq', 'SELECT $1::pkgreq'), ('pkgreq(''deb'', _)', $$SELECT pkgreq('deb', $1)$$), ('syntax', $$SELECT pkgreq($1, '1')$$),
    ('vers', 'SELECT vers($1)'), ('vers:deb/', $$SELECT vers('vers:deb/' || $1)$$),
    ('osv_events', $$SELECT osv_events('deb', jsonb_build_array(jsonb_build_object('fixed', $1)))$$), ('osv_scheme', 'SELECT osv_scheme($1)'),
    ('osv_affected', $$SELECT osv_affected(jsonb_build_object('package', jsonb_build_object('ecosystem', 'Debian'), 'ranges', jsonb_build_array(
        jsonb_build_object('type', 'ECOSYSTEM', 'events', jsonb_build_array(jsonb_build_object('introduced', $1))))))$$),
    ('purl', 'SELECT $1::purl'), ('pkg:deb/debian/', $$SELECT ('pkg:deb/debian/' || $1)::purl$$), ('purl(_, ...)', $$SELECT purl($1, NULL, 'x')$$),
    ('purl(..., _)', $$SELECT purl('deb', 'debian', $1)$$), ('digest', 'SELECT $1::digest'), ('sha256:', $$SELECT ('sha256:' || $1)::digest$$),
    ('digest_from_hex', 'SELECT digest_from_hex($1)'), ('digest_from_sri', 'SELECT digest_from_sri($1)'),
    ('digest_from_bytes', $$SELECT digest_from_bytes(convert_to($1, 'UTF8'))$$), ('compute_digest', $$SELECT compute_digest('', $1)$$);

CREATE FUNCTION refusal(call text, value text, OUT state text, OUT message text, OUT detail text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE call USING value;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END $$;
CREATE TABLE tried AS SELECT p.ordinal, p.name AS parser, b.ordinal AS nth, b.name AS bad, value, r.* FROM parser AS p, bad AS b, refusal(call, value) AS r;
-- Texts that are long stay short in the message, and no message is without advice.
SELECT parser, bad, length(message) FROM tried WHERE length(message) > 300 ORDER BY ordinal, nth;
SELECT parser, bad FROM tried WHERE message <> '' AND detail = '' AND hint = '' ORDER BY ordinal, nth;
-- The place lies within the text, or just behind it.
SELECT parser, bad, detail FROM tried WHERE (substring(detail FROM 'Character (\d+):')::integer > length(value) + 80) ORDER BY ordinal, nth;
SELECT parser, bad, coalesce(state, 'taken') AS state, coalesce(nullif(detail, ''), left(message, 80)) AS detail FROM tried ORDER BY ordinal, nth;

-- Ranges upside down, of two schemes, or no ranges.
SELECT pkgver_range('deb/2', 'deb/1');
SELECT '[deb/2,deb/1]'::pkgver_range;
SELECT '{[deb/2,deb/1]}'::pkgver_multirange;
SELECT pkgver_range('deb/1', 'rpm/1');
SELECT pkgver_range('deb/1', 'rpm/1', '[]');
SELECT pkgver_range('deb/1', 'deb/2', '<>');
SELECT '[deb/1'::pkgver_range;
SELECT vers('vers:deb/>=2|<=1');
SELECT osv_events('deb', '[{"introduced": "2"}, {"fixed": "1"}]');
