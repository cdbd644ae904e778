-- Of many releases a person sees the same ones one by one as in a list: the first few of a statement are asked for singly, then the
-- set of all is.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
INSERT INTO organization (code, kind) VALUES ('Alpha', 'customer'), ('Beta', 'customer'), ('Other', 'provider');
CREATE ROLE regress_provider;
CREATE ROLE regress_other;
CREATE ROLE regress_alpha;
CREATE ROLE regress_beta;
CREATE ROLE regress_auditor;
CALL grant_duty('regress_provider', 'release manager', 'Provider');
CALL grant_duty('regress_other', 'release manager', 'Other');
CALL grant_duty('regress_alpha', 'customer representative', 'Alpha');
CALL grant_duty('regress_beta', 'customer representative', 'Beta');
CALL grant_duty('regress_auditor', 'auditor', 'Authority');
SET ROLE regress_provider;
SELECT count(create_release('REL-' || lpad(i::text, 2, '0'), 'minor', customers => CASE i % 3 WHEN 0 THEN '{Alpha}' WHEN 1 THEN '{Beta}' ELSE '{Alpha,Beta}' END::text[]))
FROM generate_series(1, 30) AS i;
INSERT INTO support_request (code, release_id, from_organization_id, to_organization_id, what)
SELECT 'SUP-' || i, release_id('REL-' || lpad(i::text, 2, '0')), organization_id('Provider'), organization_id('Other'), 'help' FROM generate_series(2, 20, 2) AS i;
RESET ROLE;

CREATE FUNCTION singly() RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    seen text[] := '{}';
BEGIN
    FOR i IN 1..30 LOOP
        seen := seen || ARRAY(SELECT r.code FROM release_mgmt.release AS r WHERE r.code = 'REL-' || lpad(i::text, 2, '0'));
    END LOOP;
    RETURN seen;
END $$;
CREATE VIEW look WITH (security_invoker = true) AS
SELECT current_user AS who, count(*) AS releases, min(r.code) AS first, array_agg(r.code ORDER BY r.code) = singly() AS same FROM release_mgmt.release AS r;
GRANT SELECT ON look TO PUBLIC;
SET ROLE regress_provider;
SELECT * FROM look;
SET ROLE regress_other;
SELECT * FROM look;
SET ROLE regress_alpha;
SELECT * FROM look;
SET ROLE regress_beta;
SELECT * FROM look;
SET ROLE regress_auditor;
SELECT * FROM look;
RESET ROLE;
SELECT releases, first, same FROM look;

-- A duty that goes takes the releases with it in the same session.
CALL revoke_duty('regress_alpha', 'customer representative', 'Alpha');
CALL grant_duty('regress_alpha', 'customer representative', 'Beta');
SET ROLE regress_alpha;
SELECT * FROM look;
RESET ROLE;
DROP OWNED BY regress_provider, regress_other, regress_alpha, regress_beta, regress_auditor;
DROP ROLE regress_provider, regress_other, regress_alpha, regress_beta, regress_auditor;
