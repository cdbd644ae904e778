-- Row-level security: whose rows a person sees and writes. Every table, every verb that names a row, from the catalog.
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;

-- Rows of four releases in every table that belongs to somebody: for Alpha, for Beta, for both (all of the shipped provider),
-- and one of another provider for Beta. The database is inactive, so that rows are taken as they come.
INSERT INTO organization (code, kind) VALUES ('Alpha', 'customer'), ('Beta', 'customer'), ('Second', 'provider');
CREATE TABLE tag (tag text PRIMARY KEY, organization text, served_by text);
INSERT INTO tag VALUES ('A', 'Alpha', 'Provider'), ('B', 'Beta', 'Provider'), ('AB', 'Alpha', 'Provider'), ('S', 'Beta', 'Second');
CREATE FUNCTION tagged(relation text, tag text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT md5(relation || ' ' || tag)::uuid $$;
CREATE TABLE belonging AS
SELECT b.relation, b.release_column, b.organization_columns, b.through_column, p.relation AS parent,
       CASE WHEN EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = b.relation::regclass AND a.attname = 'id') THEN 'id'
            ELSE coalesce(b.release_column, b.through_column) END AS key_column
FROM release_mgmt_internal.belonging AS b
LEFT JOIN LATERAL (SELECT format('%I.%I', c.relnamespace::regnamespace, c.relname) AS relation
                   FROM pg_constraint AS k JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND k.conkey = ARRAY[a.attnum] JOIN pg_class AS c ON c.oid = k.confrelid
                   WHERE k.contype = 'f' AND k.conrelid = b.relation::regclass AND a.attname = b.through_column) AS p ON true
WHERE b.shared_because IS NULL;
SET session_replication_role = replica;
DO $$
DECLARE
    c record;
BEGIN
    FOR c IN SELECT k.conrelid::regclass AS relation, k.conname FROM pg_constraint AS k JOIN belonging AS b ON k.conrelid = b.relation::regclass
             WHERE k.contype IN ('c', 'x') LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.relation, c.conname);
    END LOOP;
    FOR c IN
        SELECT b.relation, string_agg(quote_ident(a.attname), ', ') AS columns,
               string_agg(CASE
                   WHEN b.relation = 'release_mgmt.release' AND a.attname = 'organization_id' THEN format('organization_id(%L)', t.served_by)
                   WHEN b.relation = 'release_mgmt.change_request' AND a.attname = 'organization_id' THEN format('organization_id(%L)', t.served_by)
                   WHEN a.attname = 'id' THEN format('tagged(%L, %L)', b.relation, t.tag)
                   WHEN a.attname = b.release_column THEN format('tagged(''release_mgmt.release'', %L)', t.tag)
                   WHEN a.attname = b.through_column THEN format('tagged(%L, %L)', b.parent, t.tag)
                   WHEN a.attname = 'change_id' THEN format('tagged(''release_mgmt.change_request'', %L)', t.tag)
                   WHEN a.attname = ANY (b.organization_columns) THEN format('organization_id(%L)', t.organization)
                   WHEN a.atttypid = 'uuid'::regtype THEN format('tagged(%L, %L)', b.relation || a.attname, t.tag)
                   WHEN a.atttypid = 'text'::regtype THEN quote_literal(split_part(b.relation, '.', 2) || '-' || t.tag)
                   WHEN a.atttypid = 'digest'::regtype THEN format('compute_digest(%L)', t.tag)
                   WHEN a.atttypid IN ('integer'::regtype, 'bigint'::regtype, 'numeric'::regtype) THEN '1'
                   WHEN a.atttypid = 'boolean'::regtype THEN 'false'
                   WHEN a.atttypid = 'timestamptz'::regtype THEN 'now()'
                   WHEN a.atttypid = 'interval'::regtype THEN quote_literal('1 day')
                   WHEN a.atttypid = 'tstzrange'::regtype THEN quote_literal('[2099-01-01,2099-02-01)')
                   WHEN a.atttypid = 'bytea'::regtype THEN quote_literal('')
                   ELSE quote_literal('{}') END, ', ') AS row_values
        FROM belonging AS b CROSS JOIN tag AS t
        JOIN pg_attribute AS a ON a.attrelid = b.relation::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        WHERE a.attname IN ('id', 'code', 'change_id', b.release_column, b.through_column) OR a.attname = ANY (b.organization_columns)
           OR (a.attnotnull AND (NOT a.atthasdef OR a.attname = 'organization_id'))
        GROUP BY b.relation, t.tag ORDER BY b.relation, t.tag
    LOOP
        EXECUTE format('INSERT INTO %s (%s) VALUES (%s)', c.relation, c.columns, c.row_values);
    END LOOP;
END $$;
INSERT INTO release_customer SELECT tagged('release_mgmt.release', 'AB'), organization_id('Beta');
RESET session_replication_role;
SELECT release_mgmt.activate('cmdb.example.org');

CREATE ROLE regress_alpha;
CREATE ROLE regress_beta;
CREATE ROLE regress_provider;
CREATE ROLE regress_second;
CREATE ROLE regress_auditor;
CREATE ROLE regress_authority;
CREATE ROLE regress_nobody;
CALL grant_duty('regress_alpha', 'customer representative', 'Alpha');
CALL grant_duty('regress_beta', 'customer representative', 'Beta');
CALL grant_duty('regress_auditor', 'auditor', 'Alpha');
CALL grant_duty('regress_authority', 'reader', 'Authority');
DO $$
DECLARE
    d text;
BEGIN
    FOR d IN SELECT name FROM release_mgmt.duty WHERE name NOT IN ('auditor') LOOP
        CALL release_mgmt.grant_duty('regress_provider', d, 'Provider');
        CALL release_mgmt.grant_duty('regress_second', d, 'Second');
    END LOOP;
END $$;

-- What each sees: in which tables the rows of which releases. change_freeze, ci, incident and plan_acceptance name organizations alone.
CREATE FUNCTION visible(relation text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    b public.belonging;
    result text;
BEGIN
    SELECT x.* INTO b FROM public.belonging AS x WHERE x.relation = visible.relation;
    EXECUTE format('SELECT string_agg(t.tag, '', '' ORDER BY t.tag) FROM public.tag AS t WHERE EXISTS (SELECT FROM %s AS r WHERE r.%I = public.tagged(%L, t.tag))', relation,
        coalesce(b.key_column, b.organization_columns[1]),
        CASE WHEN b.key_column = 'id' THEN relation WHEN b.key_column = b.release_column THEN 'release_mgmt.release' ELSE b.parent END) INTO result;
    RETURN coalesce(result, 'nothing');
END $$;
CREATE VIEW seen WITH (security_invoker = true) AS
SELECT v.rows, count(*) AS tables, CASE WHEN count(*) < 20 THEN string_agg(split_part(b.relation, '.', 2), ', ' ORDER BY b.relation) END AS which
FROM public.belonging AS b CROSS JOIN LATERAL public.visible(b.relation) AS v(rows) GROUP BY v.rows ORDER BY 2 DESC, 1;
GRANT SELECT ON tag, belonging, seen TO PUBLIC;
UPDATE belonging SET key_column = 'plan_id', parent = 'release_mgmt.plan_acceptanceplan_id' WHERE relation = 'release_mgmt.plan_acceptance';
SELECT count(*) FROM belonging;
SET ROLE regress_alpha;
SELECT * FROM seen;
SET ROLE regress_beta;
SELECT * FROM seen;
SET ROLE regress_provider;
SELECT * FROM seen;
SET ROLE regress_second;
SELECT * FROM seen;
SET ROLE regress_auditor;
SELECT * FROM seen;
SET ROLE regress_authority;
SELECT * FROM seen;
RESET ROLE;
SELECT * FROM seen;

-- A grant by hand, without a duty, shows nothing, and says so.
GRANT USAGE ON SCHEMA release_mgmt TO regress_nobody;
GRANT SELECT ON release, release_model TO regress_nobody;
SET ROLE regress_nobody;
SELECT code FROM release_mgmt.release;
RESET ROLE;

-- A duty taken away takes the sight with it, in the same transaction.
BEGIN;
SET ROLE regress_alpha;
PREPARE releases AS SELECT code FROM release_mgmt.release ORDER BY code;
EXECUTE releases;
RESET ROLE;
CALL grant_duty('regress_alpha', 'reader', 'Beta');
SET ROLE regress_alpha;
EXECUTE releases;
RESET ROLE;
CALL revoke_duty('regress_alpha', 'reader', 'Beta');
CALL grant_duty('regress_alpha', 'auditor', 'Customer');
SET ROLE regress_alpha;
EXECUTE releases;
ROLLBACK;
SET ROLE regress_alpha;
EXECUTE releases;
RESET ROLE;
DEALLOCATE releases;

-- With the index and without it, and with the plan that parallel workers share.
CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
        RETURN NEXT line;
    END LOOP;
END $$;
INSERT INTO register_entry (release_id, kind, description) SELECT tagged('release_mgmt.release', 'B'), 'risk', 'of Beta ' || n FROM generate_series(1, 3000) AS n;
ANALYZE register_entry;
-- In a session of its own: what the planner was told of the auditor above it may take for granted a while longer.
\c -
SET client_min_messages = warning;
SET search_path = public, release_mgmt;
SET ROLE regress_alpha;
SELECT plan_of('SELECT count(*) FROM release_mgmt.register_entry');
SELECT count(*) FROM register_entry;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SET enable_indexonlyscan = off;
SELECT count(*) FROM register_entry;
RESET enable_indexscan;
RESET enable_bitmapscan;
RESET enable_indexonlyscan;
SET ROLE regress_auditor;
SELECT plan_of('SELECT count(*) FROM release_mgmt.register_entry');
SELECT count(*) FROM register_entry;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET ROLE regress_beta;
SELECT plan_of('SELECT count(*) FROM release_mgmt.register_entry');
SELECT count(*) FROM register_entry;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- Nobody writes for others: not the other provider, nor a customer for another, whatever their duties.
SET ROLE regress_second;
INSERT INTO risk (release_id, description) VALUES (tagged('release_mgmt.release', 'A'), 'of a stranger');
INSERT INTO release (code, type, organization_id, model_id)
SELECT 'R', 'minor', organization_id('Provider'), m.id FROM release_model AS m WHERE m.code = 'standard' AND m.version = 1;
INSERT INTO change_request (code, type, organization_id) VALUES ('C', 'normal', organization_id('Provider'));
SELECT create_release('R', 'minor', organization => 'Provider');
-- What does not say whose it is, is of the organization of whoever writes it.
INSERT INTO change_request (code, type) VALUES ('C', 'normal') RETURNING code;
INSERT INTO release_train (code, first_departure, every, cut_off, lasts) VALUES ('T', '2099-01-01', '7 days', '1 day', '1 day') RETURNING code;
INSERT INTO release (code, type, model_id) SELECT 'R', 'minor', m.id FROM release_model AS m WHERE m.code = 'standard' AND m.version = 1 RETURNING code;
SELECT create_release('R-2', 'minor', changes => '{C}') IS NOT NULL AS created;
-- A draft is not handed to those who did not ask for it.
UPDATE release SET organization_id = organization_id('Provider') WHERE code = 'R-2';
SELECT r.code, o.code AS organization FROM release AS r JOIN organization AS o ON o.id = r.organization_id WHERE r.code LIKE 'R%' ORDER BY 1;
UPDATE risk SET description = 'mine' WHERE release_id = tagged('release_mgmt.release', 'A');
UPDATE release SET title = 'mine';
SELECT code, title FROM release ORDER BY code;
SET ROLE regress_beta;
INSERT INTO stakeholder (release_id, organization_id, name, impact_level) VALUES (tagged('release_mgmt.release', 'AB'), organization_id('Alpha'), 'desk', 'none');
INSERT INTO support_request (release_id, from_organization_id, to_organization_id, what)
VALUES (tagged('release_mgmt.release', 'AB'), organization_id('Alpha'), organization_id('Provider'), 'a door');
INSERT INTO risk (release_id, description) VALUES (tagged('release_mgmt.release', 'A'), 'of a stranger');
SET ROLE regress_auditor;
INSERT INTO risk (release_id, description) VALUES (tagged('release_mgmt.release', 'A'), 'of an auditor');
RESET ROLE;
-- Nor does who sees everything as an auditor, and has duties in an organization that has nothing to do with it.
BEGIN;
CALL grant_duty('regress_second', 'auditor', 'Second');
CREATE ROLE regress_customers_manager;
CALL grant_duty('regress_customers_manager', 'change manager', 'Beta');
SET ROLE regress_second;
SELECT code FROM change_freeze ORDER BY code;
DELETE FROM change_freeze WHERE organization_id = organization_id('Alpha') RETURNING code;
UPDATE incident SET summary = 'nothing' WHERE organization_id = organization_id('Alpha') RETURNING code;
UPDATE release_train SET title = 'mine' WHERE organization_id = organization_id('Alpha') RETURNING code;
DELETE FROM incident_ci AS c USING incident AS i WHERE i.id = c.incident_id AND i.organization_id = organization_id('Alpha') RETURNING i.code;
-- It does so for the customers of its releases, and for everybody; a customer's own people do not.
UPDATE change_freeze SET reason = 'for its customer' WHERE organization_id = organization_id('Beta') RETURNING code;
INSERT INTO change_freeze (code, period, reason) VALUES ('for-all', '[2098-01-01,2098-02-01)', 'new year') RETURNING code;
SET ROLE regress_customers_manager;
UPDATE change_freeze SET reason = 'own' WHERE code <> 'x' RETURNING code;
DELETE FROM change_freeze WHERE code = 'for-all' RETURNING code;
SAVEPOINT s;
INSERT INTO change_freeze (code, period, reason) VALUES ('for-all-2', '[2098-01-01,2098-02-01)', 'new year');
ROLLBACK TO s;
ROLLBACK;

-- Every verb that is given the name of somebody else's row refuses: the other provider, with every duty, on release A.
CREATE FUNCTION try(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
BEGIN
    EXECUTE command;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
    RETURN SQLSTATE || ' ' || message;
END $$;
CREATE TABLE verb AS
SELECT p.oid::regprocedure::text AS verb,
       format('%s release_mgmt.%I(%s)', CASE p.prokind WHEN 'p' THEN 'CALL' ELSE 'SELECT * FROM' END, p.proname,
              (SELECT string_agg(CASE
                      WHEN a.name IN ('release', 'package', 'entry', 'incident', 'communication', 'request', 'action', 'exemption') OR (a.name = 'item' AND a.type = 'text'::regtype)
                           OR (a.name = 'code' AND p.proname ~ '_id$|judge_emergency')
                      THEN quote_literal(CASE WHEN a.name = 'code' THEN CASE p.proname WHEN 'entry_id' THEN 'register_entry' WHEN 'package_id' THEN 'release_package'
                                                                                       WHEN 'judge_emergency' THEN 'change_request' ELSE replace(p.proname, '_id', '') END
                                              ELSE CASE a.name WHEN 'package' THEN 'release_package' WHEN 'entry' THEN 'register_entry' WHEN 'request' THEN 'support_request'
                                                               WHEN 'action' THEN 'corrective_action' WHEN 'exemption' THEN 'criterion_exemption' WHEN 'item' THEN 'knowledge_item' ELSE a.name END END || '-A') || '::text'
                      WHEN a.name = 'name' THEN quote_literal('stakeholder-A')
                      WHEN a.name = 'organization' THEN quote_literal(CASE p.proname WHEN 'stakeholder_id' THEN 'Alpha' ELSE 'Second' END)
                      WHEN a.name = 'clause' THEN quote_literal('1.1')
                      WHEN a.type = 'digest'::regtype THEN 'release_mgmt.compute_digest(''x'')'
                      WHEN a.type = 'boolean'::regtype THEN 'true'
                      WHEN a.type = 'text[]'::regtype THEN quote_literal('{}') || '::text[]'
                      ELSE 'NULL::' || format_type(a.type, NULL) END, ', ' ORDER BY a.n)
               FROM unnest(p.proargnames, p.proargtypes::oid[]) WITH ORDINALITY AS a(name, type, n) WHERE a.n <= p.pronargs)) AS command
FROM pg_proc AS p
WHERE p.pronamespace = 'release_mgmt'::regnamespace AND p.prokind IN ('f', 'p') AND p.prorettype <> 'trigger'::regtype
  AND (p.proargnames[1:p.pronargs] && '{release,package,entry,incident,communication,request,action}'
       OR p.proname IN ('acknowledge_knowledge', 'deliver_knowledge', 'judge_emergency')
       OR (p.proname IN ('release_id', 'package_id', 'entry_id', 'incident_id')));
GRANT SELECT ON verb TO regress_second;
SET ROLE regress_second;
SELECT v.verb, public.try(v.command) AS answer FROM public.verb AS v ORDER BY v.verb;
RESET ROLE;

-- A release that the person sees, by another duty, is not one for which the duty counts.
CALL grant_duty('regress_second', 'auditor', 'Second');
SET ROLE regress_second;
SELECT v.verb, public.try(v.command) AS answer FROM public.verb AS v WHERE v.verb !~ '^(\w+\.)?(\w+_id|approval_digest|check_\w+|explain_\w+|suggest_\w+|attribute_incident|export_evidence)\(' ORDER BY v.verb;
RESET ROLE;

-- A provider that is asked for support sees the release, and its duties count there.
CALL revoke_duty('regress_second', 'auditor', 'Second');
SET session_replication_role = replica;
INSERT INTO support_request (code, release_id, from_organization_id, to_organization_id, what, requested_at)
VALUES ('help', tagged('release_mgmt.release', 'A'), organization_id('Provider'), organization_id('Second'), 'help', now());
RESET session_replication_role;
SET ROLE regress_second;
SELECT code FROM release_mgmt.release WHERE code LIKE 'release%' ORDER BY code;
SELECT code FROM release_mgmt.support_request ORDER BY code;
RESET ROLE;

DROP OWNED BY regress_alpha, regress_beta, regress_provider, regress_second, regress_auditor, regress_authority, regress_nobody;
DROP ROLE regress_alpha, regress_beta, regress_provider, regress_second, regress_auditor, regress_authority, regress_nobody;
