-- A release that two customers share: neither is told of the other, by no table, view, verb or refusal.
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
INSERT INTO organization (code, kind) VALUES ('Alpha', 'customer'), ('Beta', 'customer'), ('Second', 'provider');
CREATE ROLE regress_manager;
CREATE ROLE regress_alpha;
CREATE ROLE regress_beta;
CREATE ROLE regress_second;
CREATE ROLE regress_auditor;
DO $$
DECLARE
    d text;
BEGIN
    FOR d IN SELECT name FROM release_mgmt.duty WHERE name <> 'auditor' LOOP
        CALL release_mgmt.grant_duty('regress_manager', d, 'Provider');
        CALL release_mgmt.grant_duty('regress_alpha', d, 'Alpha');
        CALL release_mgmt.grant_duty('regress_beta', d, 'Beta');
        CALL release_mgmt.grant_duty('regress_second', d, 'Second');
    END LOOP;
END $$;
CALL grant_duty('regress_auditor', 'auditor', 'Alpha');

-- Beta's rows bear its name, or begin with beta-. A host of each customer, with a package that breaks what the release brings.
CREATE TABLE host (name text PRIMARY KEY, owner text NOT NULL);
CREATE TABLE package (host text REFERENCES host, name text, version text NOT NULL, PRIMARY KEY (host, name));
SELECT bind_ci_class('host', 'host', key => '{name}', name => 'name', organization => 'owner');
SELECT bind_ci_class('package', 'package', key => '{host,name}', name => 'name', version => 'version', scheme => 'deb', mode => 'observe', organization => 'host.owner');
CALL bind_ci_relation('installed on', 'package', '{host}', 'host');
INSERT INTO host VALUES ('alpha-1', 'Alpha'), ('beta-1', 'Beta');
INSERT INTO package VALUES ('alpha-1', 'aware', '1'), ('beta-1', 'bware', '1');
SET ROLE regress_manager;
SELECT load_package_clauses($$Package: bware
Version: 1
Architecture: amd64
Conflicts: tool

Package: tool
Version: 2
Architecture: amd64
Depends: nothing-else
$$);
RESET ROLE;
INSERT INTO change_request (code, type, title) VALUES ('CHG-1', 'normal', 'for both');
SET ROLE regress_beta;
INSERT INTO change_request (code, type, title, organization_id) VALUES ('beta-CHG', 'normal', 'Beta''s own', organization_id('Beta'));
INSERT INTO change_freeze (code, organization_id, period, reason) VALUES ('beta-freeze', organization_id('Beta'), tstzrange(now() - interval '1 day', now() + interval '1 day'), 'Beta''s year end');
SET ROLE regress_manager;
INSERT INTO management_plan (code) VALUES ('RMP');
SELECT create_release('REL-1', 'minor', customers => '{Alpha,Beta}', plan => 'RMP') IS NOT NULL AS created;
SELECT create_package('PKG-1', 'REL-1', '{}') IS NOT NULL AS made;
INSERT INTO component (package_id, kind, name, version, ci) VALUES (package_id('PKG-1'), 'configuration', 'tool', pkgver('deb', '2'), 'package/alpha-1:tool');
INSERT INTO stakeholder (release_id, organization_id, name, impact, impact_level)
SELECT release_id('REL-1'), organization_id(o), lower(o) || '-users', 'none', 'low' FROM unnest('{Alpha,Beta}'::text[]) AS o;
INSERT INTO communication (code, release_id, organization_id, channel, subject, body)
SELECT lower(o) || '-notice', release_id('REL-1'), organization_id(o), 'mail', 'to ' || o, 'text' FROM unnest('{Alpha,Beta}'::text[]) AS o;
INSERT INTO knowledge_item (code, release_id, organization_id, audience, title, location)
SELECT lower(o) || '-guide', release_id('REL-1'), organization_id(o), 'users', 'for ' || o, 'shelf' FROM unnest('{Alpha,Beta}'::text[]) AS o;
INSERT INTO support_request (code, release_id, from_organization_id, to_organization_id, what)
SELECT lower(o) || '-request', release_id('REL-1'), organization_id('Provider'), organization_id(o), 'a door at ' || o FROM unnest('{Alpha,Beta}'::text[]) AS o;
INSERT INTO change_window (release_id, period) VALUES (release_id('REL-1'), tstzrange(now(), now() + interval '1 hour'));
SELECT add_wave('REL-1', 'all', '{host/alpha-1,host/beta-1}');
INSERT INTO incident (code, ci, severity, summary, organization_id)
SELECT lower(o) || '-incident', 'host/' || lower(o) || '-1', 'low', 'slow at ' || o || '; and also slow otherwise', organization_id(o) FROM unnest('{Alpha,Beta}'::text[]) AS o;
CALL confirm_attribution('alpha-incident', 'REL-1', true, 'seen');
CALL confirm_attribution('beta-incident', 'REL-1', true, 'seen');
SET ROLE regress_alpha;
CALL agree_criteria('REL-1', 'Alpha');
SET ROLE regress_beta;
CALL agree_criteria('REL-1', 'Beta');
RESET ROLE;
-- What gates saw when they were passed, with the evidence of every check there is; and what an installation found.
INSERT INTO criterion_evaluation (release_id, gate, criterion, met, status, digest, missing, owner, evidence)
SELECT release_id('REL-1'), 'any', c.name, coalesce(r.met, false), CASE WHEN r.met THEN 'met' ELSE 'unmet' END, compute_digest(convert_to(c.name, 'UTF8')), r.missing, r.owner, r.evidence
FROM registered_check AS c, LATERAL release_mgmt_internal.ask_check(c.name, release_id('REL-1')) AS r WHERE c.point = 'gate';
INSERT INTO compatibility_result (package_id, point, target, baseline, items, errors, findings)
SELECT package_id('PKG-1'), 'seal', t.label, r.baseline, r.items, r.errors, r.findings
FROM ci AS t, LATERAL release_mgmt_internal.target_result(package_id('PKG-1'), t.id) AS r WHERE t.class = 'host';

-- Every table and view, as a person of each, searched for what is the other's. Organizations know each other by name, and the
-- labels of the release's targets are part of the plan that all its customers agree to.
CREATE FUNCTION telling(names text) RETURNS TABLE (relation text, said text) LANGUAGE plpgsql AS $$
DECLARE
    r text;
BEGIN
    FOR r IN SELECT c.oid::regclass FROM pg_class AS c
             WHERE c.relnamespace = 'release_mgmt'::regnamespace AND c.relkind IN ('r', 'v', 'p') AND c.relname <> 'organization'
               AND has_table_privilege(c.oid, 'SELECT') ORDER BY c.relname LOOP
        BEGIN
            RETURN QUERY EXECUTE format('SELECT %L, min(x.said) FROM %s AS t, regexp_replace(t::text, %L, %L, %L) AS x(said) WHERE x.said ~ %L HAVING count(*) > 0',
                                        r, r, 'host/(alpha|beta)-1|package/alpha-1:tool', 'host', 'g', names);
        EXCEPTION WHEN OTHERS THEN
            relation := r;
            said := sqlerrm;
            RETURN NEXT;
        END;
    END LOOP;
END $$;
SET ROLE regress_alpha;
SELECT * FROM public.telling('\m(Beta|beta-)');
SET ROLE regress_beta;
SELECT * FROM public.telling('\m(Alpha|alpha-)');
-- The search finds: the provider reads of both, in so many of them, and so does the auditor.
SET ROLE regress_manager;
SELECT string_agg(relation, ', ') AS found FROM public.telling('\m(Beta|beta-)');
SET ROLE regress_auditor;
SELECT string_agg(relation, ', ') AS found FROM public.telling('\m(Beta|beta-)');

-- What each is told of the gates.
SET ROLE regress_alpha;
SELECT criterion, missing FROM gate_status WHERE release = 'REL-1' AND missing ~ 'concern|another' ORDER BY criterion;
SELECT criterion, jsonb_path_query_array(evidence, 'strict $.**.left_out ? (@.type() == "number")', silent => true) AS left_out,
       jsonb_path_query_array(evidence, 'strict $.** ? (@.type() == "object") ? (exists(@.organization) || exists(@.to) || exists(@.incident) || exists(@.finding))
           .keyvalue() ? (@.value.type() == "string" && @.key != "sent_at" && @.key != "opened_at").value') AS told
FROM gate_history WHERE criterion IN ('stakeholders_notified', 'package_compatible', 'support_requests_done', 'incidents_decided', 'criteria_agreed') ORDER BY criterion;
SELECT count(*) = (SELECT count(*) FROM registered_check WHERE point = 'gate') AS every_one FROM gate_history WHERE release = 'REL-1';
SET ROLE regress_manager;
SELECT criterion, missing FROM gate_history WHERE criterion IN ('knowledge_users', 'stakeholders_notified', 'package_compatible') ORDER BY criterion;
SELECT count(*) = 0 AS as_stored FROM gate_history AS h JOIN criterion_evaluation AS e ON e.criterion = h.criterion WHERE (h.missing, h.evidence) IS DISTINCT FROM (e.missing, e.evidence);

-- Verbs and their refusals.
SET ROLE regress_alpha;
SELECT severity, finding, kind, component, target FROM check_compatibility('PKG-1');
SELECT finding FROM check_compatibility('PKG-1', '{host/beta-1}');
SELECT * FROM explain_compatibility('PKG-1');
SELECT target, action, name FROM suggest_repairs('PKG-1');
SELECT place, component, finding FROM check_waves('REL-1') WHERE severity = 'error';
SELECT seal_package('PKG-1');
CALL advance_release('REL-1', 'planned');
UPDATE release SET state = 'planned' WHERE code = 'REL-1';
SELECT export_evidence('REL-1');
SELECT create_release('REL-2', 'minor', changes => '{beta-CHG}');
RESET ROLE;
SELECT id AS beta_change FROM change_request WHERE code = 'beta-CHG' \gset
SET ROLE regress_alpha;
SELECT create_release('REL-2', 'minor') IS NOT NULL AS created;
INSERT INTO release_change (release_id, change_id) VALUES (release_id('REL-2'), :'beta_change');
SELECT add_wave('REL-2', 'theirs', '{host/beta-1}');
INSERT INTO wave (release_id, ordinal, name) VALUES (release_id('REL-2'), 1, 'theirs');
INSERT INTO target (release_id, wave_id, ci) SELECT release_id, id, 'host/beta-1' FROM wave WHERE name = 'theirs';
-- An own host that a release of others has booked: by whom is not told.
RESET ROLE;
SELECT release_mgmt_internal.tell_text(release_id('REL-1'), 'for the owner Beta') AS owner_is_told_all;
SET ROLE regress_second;
SELECT create_release('beta-REL', 'minor', customers => '{Alpha}') IS NOT NULL AS created;
INSERT INTO change_window (release_id, period) VALUES (release_id('beta-REL'), '[2099-01-01 00:00+00,2099-01-02 00:00+00)');
SELECT add_wave('beta-REL', 'all', '{host/alpha-1}');
SET ROLE regress_manager;
SELECT create_release('REL-4', 'minor', customers => '{Alpha}') IS NOT NULL AS created;
INSERT INTO change_window (release_id, period) VALUES (release_id('REL-4'), '[2099-01-01 00:00+00,2099-01-02 00:00+00)');
SELECT add_wave('REL-4', 'all', '{host/alpha-1}');

-- A circle that goes over releases of others.
SET ROLE regress_manager;
SELECT create_release('REL-5', 'minor', customers => '{Alpha}') IS NOT NULL AS created;
SELECT create_release('beta-REL-6', 'minor', customers => '{Beta}') IS NOT NULL AS created;
INSERT INTO release_dependency (release_id, on_release_id, kind) VALUES (release_id('REL-5'), release_id('beta-REL-6'), 'requires'), (release_id('beta-REL-6'), release_id('REL-4'), 'follows');
INSERT INTO release_dependency (release_id, on_release_id, kind) VALUES (release_id('REL-4'), release_id('REL-5'), 'requires');
SET ROLE regress_alpha;
INSERT INTO release_dependency (release_id, on_release_id, kind) VALUES (release_id('REL-4'), release_id('REL-5'), 'requires');
RESET ROLE;

-- What is said is cut where names stand as words, whatever they are made of.
INSERT INTO organization (code, kind) VALUES ('a.b (c)', 'customer'), ('Bet', 'customer'), ('A"B', 'customer');
CREATE FUNCTION told(said text, evidence jsonb) RETURNS TABLE (said_so text, details jsonb) LANGUAGE plpgsql SECURITY INVOKER AS $$
BEGIN
    PERFORM set_config('role', 'regress_alpha', true);
    RETURN QUERY SELECT t.* FROM public.told_now(said, evidence) AS t;
    PERFORM set_config('role', 'none', true);
END $$;
CREATE FUNCTION told_now(said text, evidence jsonb, OUT said_so text, OUT details jsonb) LANGUAGE sql SECURITY DEFINER SET search_path = public, release_mgmt AS $$
    SELECT release_mgmt_internal.tell_text(release_id('REL-1'), said), release_mgmt_internal.tell_evidence(release_id('REL-1'), evidence) $$;
SELECT * FROM told('Betamax and alphabet are no names', '{"a": "Betamax", "b": [1, null, true]}');
SELECT * FROM told('not agreed by Alpha, Beta; general; a.b (c) did nothing', '[{"o": "a.b (c)"}, {"o": "Alpha", "p": "Beta"}, {"o": "A\"B"}, {"n": {"o": "Beta"}}, "Bet", "with Bet", 7]');
SELECT * FROM told('of Beta alone', '{"o": "Beta"}');
SELECT * FROM told(NULL, NULL);

DROP OWNED BY regress_manager, regress_alpha, regress_beta, regress_second, regress_auditor;
DROP ROLE regress_manager, regress_alpha, regress_beta, regress_second, regress_auditor;
