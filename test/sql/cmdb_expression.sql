-- Names, versions and further attributes of items: expressions over the row, and paths over foreign keys.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
SELECT activate('expression.example.org');
CREATE TABLE state (id integer PRIMARY KEY, name text);
INSERT INTO state VALUES (1, 'active'), (2, 'offline');
CREATE TABLE site (id integer PRIMARY KEY, name text, tenant text);
INSERT INTO site VALUES (1, 'London', 'alpha'), (2, 'Paris', 'beta');
INSERT INTO organization (code, kind) VALUES ('ALPHA', 'customer'), ('BETA', 'customer');
CREATE DOMAIN label AS text;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE machine (id integer PRIMARY KEY, host text NOT NULL, domain text, tenant text, major integer, minor integer, state_id integer REFERENCES state,
    site_id integer REFERENCES site, seen timestamptz, built date, tags text[], ratio double precision, nick label, how mood);
INSERT INTO machine SELECT i, 'h' || i, CASE WHEN i < 3 THEN 'example.org' END, CASE i % 2 WHEN 0 THEN 'alpha' ELSE 'beta' END, 1, i, 1 + i % 2, 1 + i % 2, now(), current_date, '{web,db}', 0.5
FROM generate_series(1, 3) AS i;

SELECT bind_ci_class('machine', 'machine', '{id}', '(host || ''.'' || coalesce(domain, ''local''))', version => '(concat(major, ''.'', minor, ''.0''))', scheme => 'semver',
    organization => '(upper(tenant))',
    attributes => '{"state": "state_id.name", "site": "site_id.name", "tier": "(CASE WHEN minor > 1 THEN ''new'' ELSE ''old'' END)", "first tag": "(tags[1])", "mood": "how", "tenant": "tenant"}');
SELECT * FROM ci_overview('machine') ORDER BY ci;
SELECT * FROM ci_attributes('machine/3') WHERE attribute NOT IN ('seen', 'built');
SELECT ci_attribute('machine/2', 'state') AS state, ci_attribute('machine/2', 'host') AS host;
SELECT * FROM binding_status;
-- What an expression for the organization depends on is followed, column by column.
UPDATE machine SET tenant = 'alpha' WHERE id = 1;
UPDATE machine SET minor = 9 WHERE id = 2;
SELECT ci, version, organization, attributes ->> 'tier' AS tier FROM ci_overview('machine') ORDER BY ci;
-- A list holds what the person sees.
CREATE ROLE regress_beta;
CALL grant_duty('regress_beta', 'reader', 'BETA');
SET ROLE regress_beta;
SELECT ci, name FROM ci_overview('machine') ORDER BY ci;
RESET ROLE;

-- Everything that might run the customer's code, answer otherwise another time, or is no expression.
CREATE FUNCTION ours(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION concatenated(text, integer) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE OPERATOR ||| (LEFTARG = text, RIGHTARG = integer, FUNCTION = concatenated);
SELECT x.expression, release_mgmt_internal.path_problem('machine', x.expression) AS problem
FROM unnest(ARRAY[
    '(ours(host))', '(public.ours(host))', '(host OPERATOR(public.|||) id)', '(nick)', '(nick || host)', '(how::text)', '(now())', '(random())', '(current_user)',
    '(pg_read_file(host))', '(table_to_xml(''pg_class'', true, true, ''''))', '(seen::text)', '(concat(seen))', '(built || host)', '(ratio::text)', '(format(''%s'', seen))',
    '(''2026-01-01''::text::date)', '(to_jsonb(t))', '(t)', '(t.*)', '(xmin)', '(tableoid)', '(row(host))', '(nosuch)', '(state_id.name)', '(host.nosuch)', '(SELECT 1)', '(SELECT name FROM site)',
    '(EXISTS (SELECT))', '(count(*))', '(row_number() OVER ())', '(generate_series(1, 2))', '(host) FROM site', '(host), (id)', '(host) UNION SELECT ''a''', '(host; SELECT 1)', '(host))', '()',
    '(host AS x)', '(host) x', '(host) LIMIT 1', '($1)', '(host']) AS x (expression);
SELECT x.expression, release_mgmt_internal.path_expression('machine', x.expression) AS sql
FROM unnest(ARRAY['(''abc'')', '(host || id)', '(format(''%s-%s'', host, id))', '(host IS NULL OR id IN (1, 2))', '(nullif(greatest(host, domain), ''x''))',
    '(host COLLATE "C")', '(tags[1:2])', '(tags || ARRAY[host])', '(id::bigint::text)', '(host LIKE ''h%'')', '(extract(year FROM built))', '(host = ANY (tags))',
    '(id IS DISTINCT FROM 1)', '(ARRAY[1, 2]::text[])', '(t.host)']) AS x (expression);
-- A column of that very name comes first.
ALTER TABLE machine ADD "(host)" text DEFAULT 'a column';
SELECT release_mgmt_internal.path_expression('machine', '(host)');
ALTER TABLE machine DROP "(host)";

-- Every fault of further attributes at once.
SELECT bind_ci_class('machine', 'machine', '{id}', 'host', attributes => '{"host": "domain", "": "domain", "a": "state_id.nosuch", "b": "(now())", "c": 1, "d": "host."}');
SELECT bind_ci_class('machine', 'machine', '{id}', 'host', attributes => '["host"]');

-- The table changes: what can not be read any more is a finding, not an error, and a renamed column is followed.
ALTER TABLE machine RENAME how TO feeling;
ALTER TABLE machine RENAME minor TO lesser;
ALTER TABLE machine ADD state text DEFAULT 'a column now';
SELECT finding, detail FROM binding_status ORDER BY detail;
SELECT * FROM ci_overview('machine') ORDER BY ci;
SELECT attributes FROM ci_class;
-- An expression is looked at anew when it is read: the column is of the customer's own type by now, with a cast of his.
ALTER TABLE machine ALTER host TYPE label;
SELECT finding, detail FROM binding_status WHERE detail ~ 'host' ORDER BY detail;
SELECT ci, name FROM ci_overview('machine') ORDER BY ci;
UPDATE machine SET host = 'still written' WHERE id = 1;
SELECT * FROM ci_overview('nosuch');
DROP OWNED BY regress_beta;
DROP ROLE regress_beta;
