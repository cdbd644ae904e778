-- Who changed it, for whom, and through which application: what the ledger says of each transaction, in history and drift.
SET client_min_messages = warning;
SET search_path = public, release_mgmt;
SET timezone = 'UTC';
CREATE EXTENSION release_mgmt CASCADE;
SELECT activate('application.example.org');
CREATE ROLE regress_netbox LOGIN;
CREATE ROLE regress_portal LOGIN;
CREATE ROLE regress_person LOGIN;
CALL grant_duty('regress_person', 'operator', 'Provider');
CALL add_proxy('regress_portal');
CREATE TABLE host (id integer PRIMARY KEY, os text, note text);
GRANT SELECT, INSERT, UPDATE ON host TO regress_netbox, regress_portal, regress_person;
INSERT INTO host SELECT i, 'bookworm' FROM generate_series(1, 9) AS i;
SELECT bind_ci_class('host', 'host', '{id}', 'os');

-- What a trigger sees of each change at that moment.
CREATE TABLE seen (id integer, who text, application text);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO seen VALUES (new.id, session_user || coalesce(' for ' || nullif(current_setting('release_mgmt.actor', true), ''), ''),
                             nullif(current_setting('application_name'), ''));
    RETURN NULL;
END $$;
CREATE TRIGGER see AFTER UPDATE ON host FOR EACH ROW EXECUTE FUNCTION see();

SET SESSION AUTHORIZATION regress_netbox;
SET application_name = 'netbox';
UPDATE host SET os = 'trixie' WHERE id = 1;
SET application_name = E'a \\ and \\n';
UPDATE host SET os = 'trixie' WHERE id = 2;
SET application_name = '';
UPDATE host SET os = 'trixie' WHERE id = 3;
SET SESSION AUTHORIZATION regress_portal;
SET application_name = 'portal 2.1';
BEGIN;
SET LOCAL release_mgmt.actor = 'regress_person';
UPDATE host SET os = 'trixie' WHERE id = 4;
COMMIT;
UPDATE host SET os = 'trixie' WHERE id = 5;
SET application_name = '';
BEGIN;
SET LOCAL release_mgmt.actor = 'regress_person';
UPDATE host SET os = 'trixie' WHERE id = 6;
COMMIT;
RESET SESSION AUTHORIZATION;
-- Of what is still open, what the session says now.
SET application_name = 'psql';
BEGIN;
SET LOCAL application_name = 'script';
UPDATE host SET os = 'trixie' WHERE id = 7;
SELECT d.ci, d.role = session_user AS is_own, d.application FROM drift() AS d WHERE d.ci = 'host/7';
SELECT h.role = session_user AS is_own, h.application FROM history_of('host', '7') AS h LIMIT 1;
COMMIT;

CREATE VIEW told AS
    SELECT 'drift' AS by, d.ci, d.role, d.application FROM drift() AS d
    UNION ALL
    SELECT 'history', 'host/' || i, h.role, h.application FROM generate_series(1, 7) AS i CROSS JOIN LATERAL (SELECT * FROM history_of('host', i::text) LIMIT 1) AS h
    UNION ALL
    SELECT 'captured', 'host/' || c.key, c.role, c.application FROM captured_change AS c WHERE c.source = 'host'::regclass AND c.operation = 'update';
SELECT ci, CASE role WHEN session_user::text THEN 'superuser' ELSE role END AS role, application FROM told WHERE by = 'drift' ORDER BY ci;
-- As the trigger saw it, pending and in the tree.
CREATE VIEW wrong AS
    SELECT t.*, s.who, s.application AS seen
    FROM told AS t FULL JOIN (SELECT 'host/' || x.id AS ci, x.who, x.application, b.by FROM seen AS x, (VALUES ('drift'), ('history'), ('captured')) AS b (by)) AS s
      ON s.ci = t.ci AND s.by = t.by
    WHERE s.who IS DISTINCT FROM t.role OR s.application IS DISTINCT FROM t.application;
SELECT * FROM wrong;
SELECT count(*) AS pending FROM release_mgmt_internal.pending_leaf WHERE release_mgmt_internal.entry_field(entry, 'application') = 'netbox';
CALL sequence_ledger();
SELECT count(*) AS sequenced FROM ledger_entry WHERE release_mgmt_internal.entry_field(entry, 'application') = 'netbox';
SELECT * FROM wrong;
SELECT DISTINCT split_part(convert_from(l.entry, 'UTF8'), E'\n', 1) AS head, release_mgmt_internal.entry_field(l.entry, 'application') AS application,
       release_mgmt_internal.entry_field(l.entry, 'role') AS role, release_mgmt_internal.entry_field(l.entry, 'actor') AS actor
FROM release_mgmt_internal.transaction_leaf AS l WHERE release_mgmt_internal.entry_field(l.entry, 'role') LIKE 'regress%' ORDER BY 2, 3, 4;
SELECT finding, source FROM verify_ledger();

CALL remove_proxy('regress_portal');
DROP OWNED BY regress_netbox, regress_portal, regress_person;
DROP ROLE regress_netbox, regress_portal, regress_person;
