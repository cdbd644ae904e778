-- Lifecycle: a session keeps the plans of the checks that it asked. What is asked is the function as it is now, and the rows as they are.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('kept.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_manager;
CALL grant_duty('regress_manager', 'release manager', 'Provider');
SET ROLE regress_manager;
SELECT create_release('REL-1', 'minor') IS NOT NULL AS created;
RESET ROLE;
CREATE FUNCTION ask() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(': ', a.met, a.missing) FROM release_mgmt_internal.ask_check('review_held', release_mgmt.release_id('REL-1')) AS a
$$;

SELECT ask();
SET ROLE regress_manager;
INSERT INTO implementation_review (release_id, conclusion) VALUES (release_id('REL-1'), 'well done');
RESET ROLE;
SELECT ask();
BEGIN;
SET LOCAL session_replication_role = replica;
DELETE FROM implementation_review;
SELECT ask();
ROLLBACK;
SELECT ask();

-- Another body; the old one again, as what came between is rolled back.
BEGIN;
CREATE OR REPLACE FUNCTION release_mgmt_internal.check_review_held(release uuid) RETURNS check_result LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (false, 'another body', NULL, NULL)::release_mgmt.check_result FROM release_mgmt.release AS r WHERE r.id = check_review_held.release;
END;
SELECT ask();
SAVEPOINT a;
-- What is not one statement that returns the answer is called: another language, several statements, settings of its own.
CREATE OR REPLACE FUNCTION release_mgmt_internal.check_review_held(release uuid) RETURNS check_result LANGUAGE plpgsql STABLE AS
$$ BEGIN RETURN (false, 'another language', NULL, NULL)::release_mgmt.check_result; END $$;
SELECT ask();
CREATE OR REPLACE FUNCTION release_mgmt_internal.check_review_held(release uuid) RETURNS check_result LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT 1;
    SELECT (false, 'two statements', NULL, NULL)::release_mgmt.check_result;
END;
SELECT ask();
CREATE OR REPLACE FUNCTION release_mgmt_internal.check_review_held(release uuid) RETURNS check_result LANGUAGE sql STABLE
RETURN (false, 'an expression', NULL, NULL)::release_mgmt.check_result;
SELECT ask();
CREATE OR REPLACE FUNCTION release_mgmt_internal.check_review_held(release uuid) RETURNS check_result LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT false, 'four columns'::text, NULL::text, NULL::jsonb;
END;
SELECT ask();
CREATE OR REPLACE FUNCTION release_mgmt_internal.check_review_held(release uuid) RETURNS check_result LANGUAGE sql STABLE SET TimeZone = 'Asia/Tokyo'
BEGIN ATOMIC
    SELECT (false, pg_catalog.current_setting('TimeZone'), NULL, NULL)::release_mgmt.check_result;
END;
SELECT ask();
CREATE OR REPLACE FUNCTION release_mgmt_internal.check_review_held(release uuid) RETURNS check_result LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT (false, 'no row', NULL, NULL)::release_mgmt.check_result WHERE false;
END;
SELECT ask();
ROLLBACK TO a;
SELECT ask();
ROLLBACK;
SELECT ask();

-- Tables change beneath a plan, and a body follows.
ALTER TABLE implementation_review RENAME COLUMN conclusion TO found;
SELECT ask();
ALTER TABLE implementation_review RENAME COLUMN found TO conclusion;
SELECT ask();

DROP OWNED BY regress_manager;
DROP ROLE regress_manager;
