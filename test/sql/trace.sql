-- One release over a bound CMDB: dry run, the guard, exact back-out, drift, trace, impact.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
-- What nobody has touched is told without comparing; by comparing each item the same comes out.
CREATE FUNCTION told_otherwise(release text) RETURNS bigint LANGUAGE sql AS $$
    WITH told AS MATERIALIZED (
        SELECT * FROM release_mgmt_internal.release_drift(release_mgmt.release_id(release))
    ), compared AS MATERIALIZED (
        SELECT d.*
        FROM (SELECT r.id, min(coalesce(p.sealed_at, r.created_at)) AS since, bool_and(s.kind = 'deployed') AS is_deployed
              FROM release_mgmt.release AS r JOIN release_mgmt.model_state AS s ON s.model_id = r.model_id AND s.state = r.state
              LEFT JOIN release_mgmt.release_package AS p ON p.release_id = r.id WHERE r.code = told_otherwise.release GROUP BY r.id) AS b
        CROSS JOIN release_mgmt_internal.compared_drift(b.id, ARRAY(SELECT DISTINCT x.ci FROM release_mgmt.planned_ci_change AS x WHERE x.release_id = b.id), b.since, b.is_deployed) AS d)
    SELECT count(*) FROM ((TABLE told EXCEPT ALL TABLE compared) UNION ALL (TABLE compared EXCEPT ALL TABLE told)) AS d $$;
\set SHOW_CONTEXT never
SELECT activate('cmdb.example.org');
CREATE ROLE regress_trace_app;
CREATE ROLE regress_trace_rm;
CREATE ROLE regress_trace_op;
CREATE ROLE regress_trace_auditor;
CALL grant_duty('regress_trace_rm', 'release manager', 'Provider');
CALL grant_duty('regress_trace_op', 'operator', 'Provider');
CALL grant_duty('regress_trace_auditor', 'auditor', 'Provider');
GRANT CREATE ON SCHEMA public TO regress_trace_app;

-- The CMDB of an application, its foreign keys deferred as Django's are.
SET ROLE regress_trace_app;
CREATE TABLE cluster (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE platform (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE vm (
    id integer PRIMARY KEY, name varchar(20) NOT NULL CHECK (name <> 'nameless'), memory numeric(8,2), up boolean NOT NULL DEFAULT true, note text,
    cluster_id integer NOT NULL REFERENCES cluster DEFERRABLE INITIALLY DEFERRED,
    platform_id integer REFERENCES platform DEFERRABLE INITIALLY DEFERRED, updated timestamptz);
CREATE TABLE disk (id integer PRIMARY KEY, vm_id integer REFERENCES vm, backs_up integer REFERENCES disk, size integer);
CREATE INDEX ON vm (cluster_id);
CREATE INDEX ON disk (vm_id);
INSERT INTO cluster VALUES (1, 'alpha'), (2, 'beta');
INSERT INTO platform VALUES (1, 'bookworm'), (2, 'trixie');
INSERT INTO vm VALUES (1, 'web', 4, true, NULL, 1, 1), (2, 'db', 8, true, 'old note', 1, 1), (3, 'old', 2, false, 'line 1
line 2', 2, NULL), (5, 'ci', 2, true, NULL, 2, 1);
INSERT INTO disk VALUES (1, 1, NULL, 10), (2, 2, 1, 20);
UPDATE disk SET backs_up = 2 WHERE id = 1;
GRANT ALL ON cluster, platform, vm, disk TO regress_trace_op;
RESET ROLE;
SELECT bind_ci_class('cluster', 'cluster', '{id}', 'name'), bind_ci_class('platform', 'platform', '{id}', 'name'),
       bind_ci_class('vm', 'vm', '{id}', 'name', mode => 'enforce', exempt => '{updated}'), bind_ci_class('disk', 'disk', '{id}', 'id');
CALL bind_ci_relation('runs on', 'vm', '{cluster_id}', 'cluster');
CALL bind_ci_relation('uses', 'vm', '{platform_id}', 'platform');
CALL bind_ci_relation('part of', 'disk', '{vm_id}', 'vm');
CALL bind_ci_relation('backs up', 'disk', '{backs_up}', 'disk');

-- A model whose gates ask nothing, so that nothing but what is tested here stands in the way.
CREATE FUNCTION granted(release uuid) RETURNS release_mgmt.check_result IMMUTABLE BEGIN ATOMIC SELECT (true, NULL, NULL, NULL)::release_mgmt.check_result; END;
INSERT INTO registered_check (name, point, function_name, proves) VALUES ('granted', 'gate', 'public.granted', 'nothing: a criterion for this test, always met');
\set gate_check granted
\getenv tests PG_ABS_SRCDIR
\set plain_model :tests '/lib/plain_model.sql'
\i :plain_model

SET ROLE regress_trace_rm;
INSERT INTO change_request (code, type, title) VALUES ('CHG-1', 'normal', 'new platform');
SELECT create_release('REL-1', 'minor', model => 'plain', changes => '{CHG-1}') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES
    (release_id('REL-1'), 'vm/1', 'change', 'platform_id', '2'),
    (release_id('REL-1'), 'vm/1', 'change', 'memory', '16'),
    (release_id('REL-1'), 'vm/2', 'change', 'platform_id', '2'),
    (release_id('REL-1'), 'vm/2', 'change', 'up', 'false'),
    (release_id('REL-1'), 'vm/3', 'retire', '', NULL),
    (release_id('REL-1'), 'vm/4', 'create', 'name', 'new'),
    (release_id('REL-1'), 'vm/4', 'create', 'cluster_id', '2'),
    (release_id('REL-1'), 'vm/4', 'create', 'platform_id', '7');
SELECT add_wave('REL-1', 'first', '{vm/1}', pilot => true), add_wave('REL-1', 'rest', '{vm/2,vm/3,vm/4}');

-- Dry run: applied for real, the deferred foreign key found, nothing left.
RESET ROLE;
SELECT count(*) AS captured FROM captured_change WHERE source <> 'planned_ci_change'::regclass \gset before_
SET ROLE regress_trace_rm;
SELECT ci, attribute, old_value, new_value, outcome, message FROM dry_run('REL-1');
UPDATE planned_ci_change SET new_value = '2' WHERE ci = 'vm/4' AND attribute = 'platform_id';
UPDATE planned_ci_change SET new_value = 'nameless' WHERE ci = 'vm/4' AND attribute = 'name';
SELECT ci, attribute, outcome, message FROM dry_run('REL-1') WHERE outcome <> 'applied';
UPDATE planned_ci_change SET new_value = 'new' WHERE ci = 'vm/4' AND attribute = 'name';
SELECT count(*), count(*) FILTER (WHERE outcome = 'applied') AS applied FROM dry_run('REL-1');
SELECT dry_run('REL-9');
RESET ROLE;
SELECT count(*) - :before_captured AS left_behind FROM captured_change WHERE source <> 'planned_ci_change'::regclass;
SELECT count(*) AS permits FROM ci_change_permit;
SELECT count(*) AS rehearsals FROM release_mgmt_internal.rehearsal;
SELECT id, name, memory, up, platform_id FROM vm ORDER BY id;
SET ROLE regress_trace_auditor;
SELECT * FROM dry_run('REL-1');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;

-- Before the roll-out, and by nobody without the duty, even what is planned does not pass.
SET ROLE regress_trace_op;
UPDATE vm SET platform_id = 2 WHERE id = 1;
RESET ROLE;
SET ROLE regress_trace_rm;
CALL advance_release('REL-1', 'deploying');
RESET ROLE;
SET ROLE regress_trace_app;
UPDATE vm SET platform_id = 2 WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
-- The pilot first; the rest waits for it.
SET ROLE regress_trace_op;
UPDATE vm SET platform_id = 2 WHERE id = 2;
UPDATE vm SET platform_id = 2, name = 'sneaked in' WHERE id = 1;
UPDATE vm SET memory = 15 WHERE id = 1;
UPDATE vm SET platform_id = 2, memory = 16.00, updated = '2026-01-01' WHERE id = 1;
UPDATE vm SET platform_id = 2, memory = 16.00 WHERE id = 1;
BEGIN;
SET LOCAL release_mgmt.release = 'REL-2';
UPDATE vm SET up = false WHERE id = 1;
ROLLBACK;
RESET ROLE;
SELECT i.label, p.operation, p.attribute, p.check_name, x.new_value
FROM ci_change_permit AS p JOIN ci AS i ON i.id = p.ci_id JOIN planned_ci_change AS x ON x.id = p.permitted_by ORDER BY 1, 3;

-- Workers install the targets, wave after wave; an installation writes the planned changes of its target.
CREATE PROCEDURE work() LANGUAGE plpgsql AS $$
DECLARE step record;
BEGIN
    LOOP
        SELECT * INTO step FROM release_mgmt.claim_step('w1');
        EXIT WHEN NOT FOUND;
        RAISE WARNING '% %', step.kind, step.target;
        CALL release_mgmt.report_step(step.claim, 'successful', 'done');
    END LOOP;
END $$;
SET ROLE regress_trace_op;
CALL work();
RESET ROLE;
SELECT id, name, memory, up, note, cluster_id, platform_id FROM vm ORDER BY id;

-- Drift of the release: everything as planned; then somebody works without a plan.
SET ROLE regress_trace_rm;
CALL advance_release('REL-1', 'live');
SELECT ci, attribute, expected, present, classification, release_code, role FROM drift('REL-1');
RESET ROLE;
SELECT told_otherwise('REL-1');
-- A value that was put there behind the ledger's back is not what the release was permitted to leave.
BEGIN;
ALTER TABLE vm DISABLE TRIGGER USER;
UPDATE vm SET platform_id = 1 WHERE id = 1;
UPDATE vm SET platform_id = NULL WHERE id = 4;
SELECT ci, attribute, expected, present, classification FROM drift('REL-1') WHERE classification <> 'authorized';
SELECT told_otherwise('REL-1');
SELECT ci, attribute, expected, present, classification FROM drift() WHERE classification <> 'authorized';
ROLLBACK;
SELECT govern('vm', 'observe') \g /dev/null
SET ROLE regress_trace_app;
UPDATE vm SET platform_id = 1, updated = '2026-02-02' WHERE id = 1;
UPDATE vm SET note = 'tuned by hand' WHERE id = 2;
UPDATE vm SET up = true WHERE id = 2;
INSERT INTO vm VALUES (3, 'is back', 1, true, NULL, 1, NULL);
DELETE FROM vm WHERE id = 4;
INSERT INTO vm VALUES (6, 'stray', 1, true, NULL, 1, NULL);
RESET ROLE;
SET ROLE regress_trace_auditor;
SELECT ci, attribute, expected, present, classification, release_code, role FROM drift('REL-1');
SELECT ci, attribute, expected, present, classification, release_code, role FROM drift();
RESET ROLE;
SELECT told_otherwise('REL-1');

-- What is planned of rows that nobody touched since, and what is planned of the others: each way says the same of every row.
CREATE FUNCTION planned_of(release text) RETURNS SETOF release_mgmt_internal.planned_restoration VOLATILE BEGIN ATOMIC
    SELECT u.* FROM release_mgmt_internal.plan_back_out(release_id(release), NULL) AS p
    CROSS JOIN LATERAL unnest(p.ci_ids, p.items, p.operations, p.attributes, p.old_values, p.new_values, p.conflicts) AS u;
END;
CREATE FUNCTION differently_planned(release text) RETURNS SETOF release_mgmt_internal.planned_restoration VOLATILE BEGIN ATOMIC
    WITH one AS MATERIALIZED (
        SELECT p.* FROM planned_of(release) AS p
    ), other AS MATERIALIZED (
        SELECT d.*
        FROM (SELECT array_agg(s.ci_id) AS ids, array_agg(s.operation) AS operations, array_agg(coalesce(s.attribute, '')) AS attributes
              FROM release_mgmt_internal.standing_changes(release_id(release)) AS s
              WHERE s.operation = 'change' OR s.attribute IS NULL) AS a
        CROSS JOIN LATERAL release_mgmt_internal.plan_disturbed(release_id(release), NULL, a.ids, a.operations, a.attributes) AS d
    )
    (SELECT * FROM one EXCEPT ALL SELECT * FROM other) UNION ALL (SELECT * FROM other EXCEPT ALL SELECT * FROM one);
END;
SELECT count(*) AS planned, count(p.conflict) AS conflicts FROM planned_of('REL-1') AS p;
SELECT * FROM differently_planned('REL-1');
-- Back-out is refused where later work stands on it, column by column, and nothing is done.
SET ROLE regress_trace_rm;
SELECT back_out_ci_changes('REL-1');
\echo :LAST_ERROR_SQLSTATE
SELECT back_out_ci_changes('REL-1', 'vm/2');
RESET ROLE;
SELECT count(*) AS back_outs FROM ci_back_out;
SET ROLE regress_trace_app;
UPDATE vm SET up = false WHERE id = 2;
RESET ROLE;
-- What was undone, so that the value is what the release had left, stands in nobody's way.
BEGIN;
SET ROLE regress_trace_rm;
SELECT back_out_ci_changes('REL-1', 'vm/2');
RESET ROLE;
SELECT id, up, platform_id, note FROM vm WHERE id = 2;
ROLLBACK;
SELECT govern('vm', 'enforce') \g /dev/null

-- A second release without later work: exact restoration, idempotent, itself captured and permitted.
SET ROLE regress_trace_rm;
SELECT create_release('REL-2', 'minor', model => 'plain') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES
    (release_id('REL-2'), 'vm/2', 'change', 'memory', '32'),
    (release_id('REL-2'), 'vm/2', 'change', 'note', NULL),
    (release_id('REL-2'), 'vm/3', 'retire', '', NULL),
    (release_id('REL-2'), 'vm/8', 'create', 'name', 'eight'),
    (release_id('REL-2'), 'vm/8', 'create', 'cluster_id', '2');
SELECT add_wave('REL-2', 'all', '{vm/2,vm/3,vm/8}');
CALL advance_release('REL-2', 'deploying');
-- what is only planned is no drift
SELECT ci, attribute, classification FROM drift('REL-2');
RESET ROLE;
SELECT told_otherwise('REL-2');
TABLE vm ORDER BY id;
SET ROLE regress_trace_op;
CALL work();
RESET ROLE;
TABLE vm ORDER BY id;
-- Later work on an item that the release created: column by column as well.
BEGIN;
SELECT govern('vm', 'observe') \g /dev/null
UPDATE vm SET note = 'later', memory = 1, updated = '2026-03-03' WHERE id = 8;
UPDATE vm SET memory = NULL WHERE id = 8;
SAVEPOINT s;
SET ROLE regress_trace_rm;
SELECT back_out_ci_changes('REL-2', 'vm/8');
ROLLBACK TO s;
RESET ROLE;
SELECT count(*) AS planned, count(p.conflict) AS conflicts FROM planned_of('REL-2') AS p;
SELECT * FROM differently_planned('REL-2');
UPDATE vm SET note = NULL WHERE id = 8;
SET ROLE regress_trace_rm;
SELECT back_out_ci_changes('REL-2', 'vm/8');
ROLLBACK;
-- A value that no captured change explains.
BEGIN;
SET session_replication_role = replica;
ALTER TABLE vm DISABLE TRIGGER USER;
UPDATE vm SET memory = 31 WHERE id = 2;
ALTER TABLE vm ENABLE TRIGGER USER;
SELECT p.ci, p.conflict FROM planned_of('REL-2') AS p WHERE p.conflict IS NOT NULL;
SELECT * FROM differently_planned('REL-2');
ROLLBACK;
-- What a back-out restores is permitted while it restores it, and not a second time in its transaction.
BEGIN;
SET ROLE regress_trace_rm;
SELECT back_out_ci_changes('REL-2');
RESET ROLE;
SELECT govern('vm', 'observe') IS NOT NULL AS observed;
UPDATE vm SET memory = 32 WHERE id = 2;
UPDATE vm SET memory = 8 WHERE id = 2;
SELECT count(*) AS permitted FROM ci_restoration WHERE ci = 'vm/2' AND attribute = 'memory';
ROLLBACK;
SET ROLE regress_trace_rm;
SELECT back_out_ci_changes('REL-2', 'vm/3');
SELECT back_out_ci_changes('REL-2');
SELECT back_out_ci_changes('REL-2');
RESET ROLE;
TABLE vm ORDER BY id;
SELECT ci, operation, attribute, old_value, new_value FROM ci_restoration AS s JOIN ci_back_out AS b ON b.id = s.back_out_id ORDER BY b.id, ci, operation, attribute NULLS FIRST;
SELECT i.label, p.operation, p.attribute FROM ci_change_permit AS p JOIN ci AS i ON i.id = p.ci_id
WHERE p.check_name = 'a_restored_by_back_out' ORDER BY 1, 2, 3 NULLS FIRST;
-- They are part of the release's evidence.
SELECT r.row_values ->> 'check_name' AS check_name, count(*) FROM release_mgmt_internal.rows_of_release(release_id('REL-2')) AS r
WHERE r.source = 'ci_change_permit'::regclass GROUP BY 1 ORDER BY 1;
SELECT operation, changed FROM history_of('vm', '2') LIMIT 2;
SELECT count(*) AS rows_of_findings FROM verify_ledger();

-- Once restored, the guard permits nothing of it again but what the release still plans; deployed again, it can be backed out again.
SET ROLE regress_trace_op;
UPDATE vm SET memory = 33 WHERE id = 2;
SELECT back_out_ci_changes('REL-2');
RESET ROLE;

SET ROLE regress_trace_op;
INSERT INTO incident (code, ci, summary) VALUES ('INC-1', 'vm/2', 'does not boot');
RESET ROLE;

-- Everything that touched an item, and what hangs on one; cycles end.
SET ROLE regress_trace_auditor;
SELECT kind, code, detail, person FROM trace_ci('vm/2');
SELECT trace_ci('vm/99');
SELECT * FROM impact_of('cluster/1') ORDER BY depth, affected COLLATE "C";
SELECT * FROM impact_of('disk/1') ORDER BY depth, affected COLLATE "C";
SELECT * FROM impact_of('cluster/1', 1) ORDER BY affected COLLATE "C";
SELECT impact_of('cluster/9');
RESET ROLE;

-- Of a package: what its release touches, and what hangs on that.
SET ROLE regress_trace_rm;
SELECT create_release('REL-3', 'minor', model => 'plain') IS NOT NULL AS created, create_package('PKG-3', release => 'REL-3') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-3'), 'cluster/1', 'name', 'one');
SELECT * FROM impact_of('PKG-3') ORDER BY depth, affected COLLATE "C";
RESET ROLE;
