-- Of configuration items, everybody names, reads and follows those of the organizations that concern them, and those of nobody.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
INSERT INTO organization (code, kind) VALUES ('Alpha', 'customer'), ('Beta', 'customer');
CREATE ROLE regress_alpha;
CREATE ROLE regress_beta;
CREATE ROLE regress_provider;
CREATE ROLE regress_auditor;
CALL grant_duty('regress_alpha', 'test manager', 'Alpha');
CALL grant_duty('regress_beta', 'customer representative', 'Beta');
CALL grant_duty('regress_provider', 'release manager', 'Provider');
CALL grant_duty('regress_auditor', 'auditor', 'Authority');
CREATE TABLE host (name text PRIMARY KEY, size int, owner text);
CREATE TABLE vm (name text PRIMARY KEY, host text REFERENCES host, memory int, owner text);
INSERT INTO host VALUES ('common', 1, NULL), ('b1', 2, 'Beta');
INSERT INTO vm VALUES ('a', 'common', 1, 'Alpha'), ('b', 'common', 2, 'Beta'), ('bb', 'b1', 3, 'Beta'), ('ab', 'b1', 4, 'Alpha');
SELECT bind_ci_class('host', 'host', '{name}', 'name', organization => 'owner'), bind_ci_class('vm', 'vm', '{name}', 'name', organization => 'owner');
CALL bind_ci_relation('runs on', 'vm', '{host}', 'host');
UPDATE vm SET memory = 10 * memory;
SET ROLE regress_provider;
SELECT create_release('REL-A', 'minor', customers => '{Alpha}') IS NOT NULL AS created;

SET ROLE regress_alpha;
SELECT label FROM ci ORDER BY label;
SELECT ci_id('vm/a') IS NOT NULL AS found;
SELECT ci_id('vm/b');
SELECT * FROM ci_attributes('vm/b');
SELECT ci_attribute('vm/b', 'memory');
SELECT ci_attribute('vm/a', 'memory'), ci_attribute('host/common', 'size');
SELECT * FROM ci_relations('vm/b');
SELECT * FROM ci_relations('host/common');
SELECT * FROM ci_relations() ORDER BY from_ci;
SELECT * FROM ci_relation ORDER BY from_ci;
SELECT * FROM impact_of('host/common');
SELECT * FROM impact_of('host/b1');
SELECT ci, attribute, expected, present, classification FROM drift();
SELECT at FROM trace_ci('vm/b');
SELECT kind FROM trace_ci('vm/a') ORDER BY kind;
SET ROLE regress_beta;
SELECT label FROM ci ORDER BY label;
SELECT ci_id('vm/b') IS NOT NULL AS found;
SELECT ci_id('vm/a');

-- A provider sees the items of the customers of its releases, and plans no change of others, whose values that would tell.
SET ROLE regress_provider;
SELECT label FROM ci ORDER BY label;
SELECT from_ci, to_ci FROM ci_relations() ORDER BY from_ci;
SELECT affected, through FROM impact_of('host/common') ORDER BY affected;
SELECT ci FROM drift();
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-A'), 'vm/b', 'memory', '5');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-A'), 'vm/a', 'memory', '5') RETURNING old_value;

-- What befell an item of nobody's is told to each without what is others'; nor is a value of another's item found by trying.
RESET ROLE;
INSERT INTO incident (code, ci, summary, severity, organization_id) SELECT 'INC-' || o.code, 'host/common', 'told by ' || o.code, 'high', o.id FROM organization AS o WHERE o.code IN ('Alpha', 'Beta');
SET ROLE regress_provider;
SELECT declare_emergency('EMG-1', '{host/common}', 'told by the provider') > now() AS open;
RESET ROLE;
GRANT SELECT, UPDATE ON host TO regress_provider;
SET ROLE regress_provider;
UPDATE host SET size = 11 WHERE name = 'common';
SELECT kind, code, detail FROM trace_ci('host/common') ORDER BY kind, code;
SET ROLE regress_alpha;
SELECT kind, code, detail FROM trace_ci('host/common') ORDER BY kind, code;
SELECT is_ci_value('vm/a', 'memory', '10'), is_ci_value('host/common', 'size', '11');
SELECT is_ci_value('vm/b', 'memory', '20');
SET ROLE regress_auditor;

-- Auditors and the owner see all; so do rules and gates, whoever asks them.
SET ROLE regress_auditor;
SELECT count(*) FROM ci_relations();
SELECT affected, through FROM impact_of('host/b1') ORDER BY affected;
SELECT ci FROM drift() ORDER BY ci;
RESET ROLE;
SELECT ci_attribute('vm/b', 'memory'), (SELECT count(*) FROM impact_of('host/common')) AS impact, (SELECT count(*) FROM drift()) AS drift;

DROP OWNED BY regress_alpha, regress_beta, regress_provider, regress_auditor;
DROP ROLE regress_alpha, regress_beta, regress_provider, regress_auditor;
