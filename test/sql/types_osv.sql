-- Versions that advisories affect: osv_events() against the OSV schema's own algorithm, which asks for one version at a time.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;

-- "Evaluation" of the schema, word for word; sorted(range.events) by version, of one version introduced first.
CREATE FUNCTION is_affected(scheme text, version pkgver, events jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    vulnerable boolean := false;
    event record;
BEGIN
    IF EXISTS (SELECT FROM jsonb_array_elements(events) AS e WHERE e ? 'limit')
        AND NOT EXISTS (SELECT FROM jsonb_array_elements(events) AS e WHERE e ->> 'limit' = '*' OR version < try_pkgver(scheme, e ->> 'limit')) THEN
        RETURN false;
    END IF;
    FOR event IN SELECT k.key, nullif(k.value, '0') AS value FROM jsonb_array_elements(events) AS e, jsonb_each_text(e) AS k WHERE k.key <> 'limit'
        ORDER BY try_pkgver(scheme, nullif(k.value, '0')) NULLS FIRST, array_position('{introduced,last_affected,fixed}', k.key) LOOP
        IF event.key = 'introduced' AND (event.value IS NULL OR version >= pkgver(scheme, event.value)) THEN
            vulnerable := true;
        ELSIF event.key = 'fixed' AND version >= pkgver(scheme, event.value) THEN
            vulnerable := false;
        ELSIF event.key = 'last_affected' AND version > pkgver(scheme, event.value) THEN
            vulnerable := false;
        END IF;
    END LOOP;
    RETURN vulnerable;
END $$;

CREATE TABLE version AS SELECT scheme, text, pkgver(scheme, text) AS v FROM (VALUES
    ('semver', '{0.0.1,0.1.0,1.0.0-alpha,1.0.0-rc.1,1.0.0,1.0.1,1.9.0,1.10.0,2.0.0-0,2.0.0,3.0.0}'::text[]),
    ('deb', '{0~a,0.1,1.0~rc1,1.0,1.0-1,1.0-1+deb12u1,1.1,1:0.1,1:1.0-1}'), ('rpm', '{0.1,1.0~rc1-1,1.0-1,1.0-2,1.0^git1-1,1.1-1,1:0.1-1}'),
    ('pep440', '{0.1,1.dev1,1.0a1,1.0rc1,1.0,1.0+local,1.0.post1,1.1.dev0,1.1,2!0.1}')) AS s (scheme, texts), unnest(texts) AS text;
SELECT setseed(0.5);
CREATE TABLE advisory AS SELECT scheme, n, jsonb_agg(jsonb_build_object(kind, CASE WHEN kind = 'introduced' AND random() < 0.3 THEN '0' WHEN kind = 'limit' AND random() < 0.2 THEN '*' ELSE text END)
    ORDER BY random()) AS events
FROM (SELECT DISTINCT scheme FROM version) AS s, generate_series(1, 400) AS n, LATERAL (
    SELECT text, (ARRAY['introduced', 'introduced', 'introduced', 'fixed', 'fixed', 'last_affected', 'limit'])[1 + floor(random() * 7)::integer + n * 0] AS kind
    FROM version AS v WHERE v.scheme = s.scheme AND n IS NOT NULL ORDER BY random() LIMIT 1 + n % 6) AS event
GROUP BY 1, 2;
CREATE TABLE answer AS SELECT a.scheme, a.n, v.v, events, is_affected(a.scheme, v.v, events) AS expected, v.v <@ osv_events(a.scheme, events) AS ours
FROM advisory AS a JOIN version AS v USING (scheme);
SELECT scheme, count(*) FILTER (WHERE expected) > 500 AS many_affected, count(*) FILTER (WHERE NOT expected) > 500 AS many_not, count(*) FILTER (WHERE ours <> expected) AS wrong
FROM answer GROUP BY 1 ORDER BY 1;
SELECT scheme, events, v, expected, ours FROM answer WHERE ours <> expected ORDER BY length(events::text), v LIMIT 10;
