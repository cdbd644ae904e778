-- Stakeholders are told, and acknowledge; nobody acknowledges the own notice.
\set SHOW_CONTEXT never
\pset null '-'
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_manager;
CREATE ROLE regress_customer;
CREATE ROLE regress_other;
CREATE ROLE regress_reader;
INSERT INTO organization (code, kind) VALUES ('Tax Office', 'customer');
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CALL grant_duty('regress_manager', 'customer representative', 'Customer');
CALL grant_duty('regress_customer', 'customer representative', 'Customer');
CALL grant_duty('regress_other', 'customer representative', 'Tax Office');
CALL grant_duty('regress_reader', 'reader', 'Customer');
CREATE FUNCTION stakeholders_notified(OUT met boolean, OUT missing text, OUT owner text) BEGIN ATOMIC
    SELECT c.met, c.missing, c.owner FROM release_mgmt_internal.check_stakeholders_notified(release_id('REL-1')) AS c;
END;
SET ROLE regress_manager;
SELECT create_release('REL-1', 'minor') IS NOT NULL AS created;
RESET ROLE;
SELECT * FROM stakeholders_notified();

-- Each customer has a stakeholder; each one affected is told.
SET ROLE regress_manager;
INSERT INTO release_customer SELECT release_id('REL-1'), id FROM organization WHERE kind = 'customer';
INSERT INTO stakeholder (release_id, organization_id, name, impact) VALUES
    (release_id('REL-1'), organization_id('Customer'), 'branch offices', 'a new log-in page'),
    (release_id('REL-1'), organization_id('Customer'), 'service desk', 'questions about the log-in page');
INSERT INTO stakeholder (release_id, organization_id, name, impact, impact_level) VALUES
    (release_id('REL-1'), organization_id('Provider'), 'network team', 'no port changes', 'none');
\set VERBOSITY terse
INSERT INTO stakeholder (release_id, organization_id, name, impact) VALUES (release_id('REL-1'), organization_id('Customer'), 'service desk', 'twice');
INSERT INTO stakeholder (release_id, organization_id, name, impact) VALUES (release_id('REL-1'), organization_id('Customer'), 'press', '');
INSERT INTO stakeholder (release_id, organization_id, name, impact, impact_level) VALUES (release_id('REL-1'), organization_id('Customer'), 'press', 'curious', 'vast');
\set VERBOSITY default
SET ROLE regress_reader;
INSERT INTO stakeholder (release_id, organization_id, name, impact) VALUES (release_id('REL-1'), organization_id('Customer'), 'press', 'curious');
RESET ROLE;
SELECT * FROM stakeholders_notified();
UPDATE stakeholder SET impact = 'a new log-in page, from Monday on' WHERE name = 'branch offices';

-- A notice: inserted is sent, unless it is kept back; the sender is who acts.
SET ROLE regress_customer;
INSERT INTO communication (release_id, organization_id, subject, body) VALUES (release_id('REL-1'), organization_id('Provider'), 'Hello', 'We would like to know more.');
SET ROLE regress_manager;
INSERT INTO communication (release_id, organization_id, subject, body, sent_by, sent_at)
VALUES (release_id('REL-1'), organization_id('Customer'), 'New log-in', 'From Monday on.', person_id('regress_customer'), '2001-01-01') RETURNING code, sent_by = person_id('regress_manager') AS by_manager, sent_at > '2020-01-01' AS now;
INSERT INTO communication (release_id, stakeholder_id, channel, subject, body, due, sent_at)
VALUES (release_id('REL-1'), stakeholder_id('REL-1', 'Customer', 'service desk'), 'meeting', 'Training', 'Bring questions.', '2030-01-01 09:00+00', NULL)
RETURNING code, organization_id = organization_id('Customer') AS to_customer, sent_at;
SELECT stakeholder_id('REL-1', 'Customer', 'press');
INSERT INTO communication (release_id, organization_id, subject, body) VALUES (new_id(), organization_id('Customer'), 'To whom', 'it concerns');
\set VERBOSITY terse
INSERT INTO communication (release_id, organization_id, subject, body) VALUES (release_id('REL-1'), organization_id('Customer'), '', 'no subject');
INSERT INTO communication (release_id, subject, body) VALUES (release_id('REL-1'), 'To nobody', 'at all');
\set VERBOSITY default
INSERT INTO communication (release_id, organization_id, subject, body, acknowledged_at) VALUES (release_id('REL-1'), organization_id('Customer'), 'Known', 'already', now());
RESET ROLE;
SELECT * FROM stakeholders_notified();

-- What was sent no longer changes; what was not may.
SET ROLE regress_manager;
UPDATE communication SET body = 'From Tuesday on.' WHERE code = 'REL-1/notice-1';
UPDATE communication SET body = 'Bring many questions.' WHERE code = 'REL-1/notice-2';
DELETE FROM communication WHERE code = 'REL-1/notice-1';

UPDATE stakeholder SET impact_level = 'none' WHERE name = 'service desk';
DELETE FROM stakeholder WHERE name = 'service desk';

-- Acknowledged by the organization that it went to, never by its sender, not before it is sent; by verb or by UPDATE.
CALL acknowledge_communication('REL-1/notice-1');
UPDATE communication SET acknowledged_at = now(), acknowledged_by = person_id('regress_customer') WHERE code = 'REL-1/notice-1';
SET ROLE regress_other;
CALL acknowledge_communication('REL-1/notice-1');
SET ROLE regress_reader;
CALL acknowledge_communication('REL-1/notice-1');
RESET ROLE;
CALL acknowledge_communication('REL-1/notice-1');
SET ROLE regress_customer;
CALL acknowledge_communication('REL-1/notice-9');
CALL acknowledge_communication('REL-1/notice-2');
CALL send_communication('REL-1/notice-2');
CALL acknowledge_communication('REL-1/notice-1');
CALL acknowledge_communication('REL-1/notice-1');
SELECT code, acknowledged_by = person_id('regress_customer') AS by_customer FROM communication WHERE acknowledged_at IS NOT NULL;
RESET ROLE;
UPDATE communication SET acknowledged_at = NULL WHERE code = 'REL-1/notice-1';
SELECT * FROM stakeholders_notified();

-- The other customer needs a stakeholder, and a notice of its own.
SET ROLE regress_manager;
INSERT INTO stakeholder (release_id, organization_id, name, impact) VALUES (release_id('REL-1'), organization_id('Tax Office'), 'auditors', 'a new report');
INSERT INTO communication (release_id, organization_id, subject, body) VALUES (release_id('REL-1'), organization_id('Tax Office'), 'New report', 'See the portal.') RETURNING code;
CALL send_communication('REL-1/notice-9');
CALL send_communication('REL-1/notice-2');
CALL send_communication('REL-1/notice-2');
RESET ROLE;
SELECT * FROM stakeholders_notified();
SET ROLE regress_other;
CALL acknowledge_communication('REL-1/notice-3');
RESET ROLE;
SELECT * FROM stakeholders_notified();
SELECT organization, stakeholder, impact_level, notice, status, acknowledged_by FROM stakeholder_status WHERE release = 'REL-1' ORDER BY organization, stakeholder;
SELECT e ->> 'stakeholder' AS stakeholder, e ->> 'communication' AS communication, e ->> 'acknowledged_by' AS acknowledged_by
FROM release_mgmt_internal.check_stakeholders_notified(release_id('REL-1')) AS c, jsonb_array_elements(c.evidence) AS e ORDER BY 1;

-- The calendar, as a customer sees it: planned, sent, acknowledged, overdue.
SET ROLE regress_manager;
INSERT INTO communication (release_id, organization_id, subject, body, due, sent_at) VALUES (release_id('REL-1'), organization_id('Customer'), 'Forgotten', 'Oops.', '2020-01-01 00:00+00', NULL) RETURNING code;
INSERT INTO communication (release_id, organization_id, subject, body, due, sent_at) VALUES (release_id('REL-1'), organization_id('Customer'), 'Soon', 'Wait.', '2090-01-01 00:00+00', NULL) RETURNING code;
SET ROLE regress_reader;
SELECT release, state, notice, organization, stakeholder, channel, subject, due IS NOT NULL AS has_due, status FROM communication_calendar ORDER BY notice;
