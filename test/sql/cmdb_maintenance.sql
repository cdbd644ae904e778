-- Maintenance of bound and of partitioned tables: keys get another type, partitions come and go, and nothing is out of step behind it.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
SELECT activate('maintenance.example.org');
CREATE TABLE server (id integer PRIMARY KEY, name text NOT NULL, os text);
INSERT INTO server VALUES (1, 'alpha', 'x'), (2, 'beta', 'x');
CREATE TABLE port (device integer, no integer, label text, PRIMARY KEY (device, no)) PARTITION BY RANGE (device);
CREATE TABLE port_1 PARTITION OF port FOR VALUES FROM (1) TO (10);
CREATE TABLE port_2 PARTITION OF port FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (device);
CREATE TABLE port_2a PARTITION OF port_2 FOR VALUES FROM (10) TO (15);
CREATE TABLE port_2b PARTITION OF port_2 FOR VALUES FROM (15) TO (20);
INSERT INTO port SELECT d, n, 'port ' || d || '/' || n FROM unnest('{5,12,13,16}'::integer[]) AS d, generate_series(1, 2) AS n;
SELECT bind_ci_class('server', 'server', key => '{id}', name => 'name'), bind_ci_class('port', 'port', key => '{device,no}', name => 'label');
CREATE VIEW findings AS SELECT finding, source, key, found FROM verify_ledger() ORDER BY 1, 2, 3;
CREATE FUNCTION operations(source regclass, key text) RETURNS text LANGUAGE sql
    RETURN (SELECT string_agg(h.operation, ' ' ORDER BY h.log_index DESC NULLS FIRST, h.seq DESC) FROM history_of(source, key) AS h);
SELECT class, count(*) FROM ci WHERE retired_at IS NULL GROUP BY class ORDER BY class;
CALL sequence_ledger();

SELECT begin_maintenance('{server,port}', 'migration', now() + interval '1 hour');
ALTER TABLE server ALTER id TYPE text USING 's' || id;
ALTER TABLE port ALTER no TYPE text USING 'n' || no, ADD speed integer DEFAULT 100;
SELECT * FROM findings;
-- Partitions come and go, rows move between them.
CREATE TABLE port_3 (label text, speed integer, device integer NOT NULL, no text NOT NULL);
INSERT INTO port_3 VALUES ('port 25/1', 10, 25, 'n1');
ALTER TABLE port ATTACH PARTITION port_3 FOR VALUES FROM (20) TO (30);
ALTER TABLE port DETACH PARTITION port_1;
UPDATE port SET label = 'renamed' WHERE device = 12 AND no = 'n1';
DELETE FROM port WHERE device = 12 AND no = 'n2';
UPDATE port SET device = 26 WHERE device = 13;
SELECT * FROM findings;
SELECT end_maintenance();
SELECT * FROM findings;
CALL sequence_ledger();
SELECT * FROM findings;
SELECT key, operations('port', key) FROM unnest('{5:1,5:n1,12:1,12:n1,12:2,12:n2,13:1,13:n1,16:2,16:n2,25:n1,26:n1}'::text[]) AS key;
SELECT key, operations('server', key) FROM unnest('{1,s1}'::text[]) AS key;
SELECT t.source, m.recorded, m.departed FROM maintenance AS m JOIN governed_table AS t ON t.id = m.table_id ORDER BY t.source::text;

-- The items of partitioned tables follow; others are told to be out of step, until their class is bound again.
SELECT class, finding, detail FROM binding_status ORDER BY class;
SELECT bind_ci_class('server', 'server', key => '{id}', name => 'name');
SELECT class, finding FROM binding_status ORDER BY class;
SELECT label FROM ci WHERE retired_at IS NULL ORDER BY label;
UPDATE server SET os = 'y' WHERE id = 's1';
UPDATE port SET speed = 1000 WHERE device = 16;
SELECT * FROM findings;
DROP EXTENSION release_mgmt CASCADE;
