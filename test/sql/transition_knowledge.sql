-- Knowledge reaches users and operations, and they say so; support is asked for, acknowledged, done, in this order.
\set SHOW_CONTEXT never
\pset null '-'
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_manager;
CREATE ROLE regress_operator;
CREATE ROLE regress_customer;
CREATE ROLE regress_foreigner;
CREATE ROLE regress_reader;
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CALL grant_duty('regress_manager', 'operator', 'Provider');
CALL grant_duty('regress_operator', 'operator', 'Provider');
CALL grant_duty('regress_customer', 'customer representative', 'Customer');
CALL grant_duty('regress_foreigner', 'operator', 'Integrator');
CALL grant_duty('regress_reader', 'reader', 'Customer');
CREATE FUNCTION checks(OUT name text, OUT met boolean, OUT missing text, OUT owner text) RETURNS SETOF record BEGIN ATOMIC
    SELECT 'users', c.met, c.missing, c.owner FROM release_mgmt_internal.check_knowledge_users(release_id('REL-1')) AS c
    UNION ALL
    SELECT 'operations', c.met, c.missing, c.owner FROM release_mgmt_internal.check_knowledge_operations(release_id('REL-1')) AS c
    UNION ALL
    SELECT 'support', c.met, c.missing, c.owner FROM release_mgmt_internal.check_support_requests_done(release_id('REL-1')) AS c;
END;
SET ROLE regress_manager;
SELECT create_release('REL-1', 'minor', customers => '{Customer}') IS NOT NULL AS created;
RESET ROLE;
SELECT * FROM checks();

-- Knowledge items; the recipient follows from the audience where it is not given.
SET ROLE regress_manager;
INSERT INTO knowledge_item (release_id, audience, title, location) VALUES (release_id('REL-1'), 'users', 'How to log in', 'https://portal.example.org/login') RETURNING code, organization_id = organization_id('Customer') AS for_customer;
INSERT INTO knowledge_item (release_id, audience, title, location, digest) VALUES (release_id('REL-1'), 'operations', 'Runbook', 'runbook.md', compute_digest('restart it')) RETURNING code, organization_id = organization_id('Provider') AS for_provider;
\set VERBOSITY terse
INSERT INTO knowledge_item (release_id, audience, title, location) VALUES (release_id('REL-1'), 'everybody', 'Rumours', 'canteen');
INSERT INTO knowledge_item (release_id, audience, title, location) VALUES (release_id('REL-1'), 'users', '', 'canteen');
\set VERBOSITY default
INSERT INTO knowledge_item (release_id, audience, title, location) VALUES (new_id(), 'users', 'Rumours', 'canteen');
INSERT INTO knowledge_item (release_id, audience, title, location, acknowledged_at) VALUES (release_id('REL-1'), 'users', 'Known', 'already', now());
SET ROLE regress_operator;
INSERT INTO knowledge_item (release_id, audience, title, location) VALUES (release_id('REL-1'), 'users', 'Rumours', 'canteen');
RESET ROLE;
SELECT * FROM checks();

-- Delivered, then acknowledged by the right people of the right organization, who did not deliver it.
SET ROLE regress_customer;
CALL acknowledge_knowledge('REL-1/knowledge-1');
CALL deliver_knowledge('REL-1/knowledge-1');
SET ROLE regress_manager;
CALL deliver_knowledge('REL-1/knowledge-9');
CALL deliver_knowledge('REL-1/knowledge-1');
CALL deliver_knowledge('REL-1/knowledge-1');
CALL deliver_knowledge('REL-1/knowledge-2');
UPDATE knowledge_item SET title = 'How not to' WHERE code = 'REL-1/knowledge-1';
DELETE FROM knowledge_item WHERE code = 'REL-1/knowledge-1';
CALL acknowledge_knowledge('REL-1/knowledge-2');
UPDATE knowledge_item SET acknowledged_at = now(), acknowledged_by = person_id('regress_operator') WHERE code = 'REL-1/knowledge-2';
SET ROLE regress_foreigner;
CALL acknowledge_knowledge('REL-1/knowledge-2');
SET ROLE regress_customer;
CALL acknowledge_knowledge('REL-1/knowledge-2');
CALL acknowledge_knowledge('REL-1/knowledge-9');
RESET ROLE;
SELECT * FROM checks() WHERE name <> 'support';
SET ROLE regress_customer;
CALL acknowledge_knowledge('REL-1/knowledge-1');
CALL acknowledge_knowledge('REL-1/knowledge-1');
SET ROLE regress_operator;
CALL acknowledge_knowledge('REL-1/knowledge-1');
CALL acknowledge_knowledge('REL-1/knowledge-2');
RESET ROLE;
SELECT * FROM checks() WHERE name <> 'support';
SELECT e ->> 'knowledge_item' AS item, e ->> 'acknowledged_by' AS acknowledged_by, e ? 'delivered_at' AS delivered
FROM release_mgmt_internal.check_knowledge_users(release_id('REL-1')) AS c, jsonb_array_elements(c.evidence) AS e;

-- Two customers: the recipient must be said, and each needs its own.
INSERT INTO organization (code, kind) VALUES ('Tax Office', 'customer');
SET ROLE regress_manager;
INSERT INTO release_customer VALUES (release_id('REL-1'), organization_id('Tax Office'));
\set VERBOSITY terse
INSERT INTO knowledge_item (release_id, audience, title, location) VALUES (release_id('REL-1'), 'users', 'For whom?', 'nowhere');
\set VERBOSITY default
RESET ROLE;
SELECT * FROM checks() WHERE name = 'users';

-- Support requests.
SET ROLE regress_manager;
INSERT INTO support_request (release_id, from_organization_id, to_organization_id, what, due)
VALUES (release_id('REL-1'), organization_id('Provider'), organization_id('Customer'), 'open port 443', '2030-01-01 00:00+00') RETURNING code;
INSERT INTO support_request (code, release_id, from_organization_id, to_organization_id, what)
VALUES ('SUP-7', release_id('REL-1'), organization_id('Customer'), organization_id('Provider'), 'a test account') RETURNING code;
\set VERBOSITY terse
INSERT INTO support_request (release_id, from_organization_id, to_organization_id, what) VALUES (release_id('REL-1'), organization_id('Provider'), organization_id('Provider'), 'think');
INSERT INTO support_request (release_id, from_organization_id, to_organization_id, what) VALUES (release_id('REL-1'), organization_id('Provider'), organization_id('Customer'), '');
\set VERBOSITY default
INSERT INTO support_request (release_id, from_organization_id, to_organization_id, what, done_at) VALUES (release_id('REL-1'), organization_id('Provider'), organization_id('Customer'), 'done before', now());
SET ROLE regress_reader;
INSERT INTO support_request (release_id, from_organization_id, to_organization_id, what) VALUES (release_id('REL-1'), organization_id('Provider'), organization_id('Customer'), 'anything');
RESET ROLE;
SELECT * FROM checks() WHERE name = 'support';

-- Acknowledged, then done, by the organization asked; a request stays as it was made.
SET ROLE regress_customer;
CALL complete_support_request('REL-1/support-1');
CALL acknowledge_support_request('REL-1/support-9');
SET ROLE regress_manager;
CALL acknowledge_support_request('REL-1/support-1');
CALL acknowledge_support_request('SUP-7');
SET ROLE regress_operator;
CALL acknowledge_support_request('REL-1/support-1');
CALL acknowledge_support_request('SUP-7');
CALL complete_support_request('SUP-7');
CALL complete_support_request('SUP-7');
SET ROLE regress_customer;
CALL acknowledge_support_request('REL-1/support-1');
CALL acknowledge_support_request('REL-1/support-1');
RESET ROLE;
SELECT * FROM checks() WHERE name = 'support';
UPDATE support_request SET done_at = now(), done_by = person_id('regress_customer') WHERE code = 'REL-1/support-1';
UPDATE support_request SET what = 'open port 80' WHERE code = 'REL-1/support-1';
UPDATE support_request SET acknowledged_at = NULL WHERE code = 'REL-1/support-1';
DELETE FROM support_request WHERE code = 'REL-1/support-1';
SET ROLE regress_customer;
CALL complete_support_request('REL-1/support-1');
RESET ROLE;
SELECT * FROM checks() WHERE name = 'support';
SELECT e ->> 'support_request' AS request, e ->> 'from' AS "from", e ->> 'to' AS "to", e ->> 'done_by' AS done_by
FROM release_mgmt_internal.check_support_requests_done(release_id('REL-1')) AS c, jsonb_array_elements(c.evidence) AS e ORDER BY 1;
