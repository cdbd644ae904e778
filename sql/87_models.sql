-- Module lifecycle, shipped data: the shipped models and their gates. Last of the rules, since a gate names checks of every module.

-- What is released, and that Change Management agreed to it, is excused for nobody.
INSERT INTO release_mgmt.gate_criterion (id, model_id, to_state, ordinal, name, check_name, builtin, waivable)
SELECT c.id::uuid, c.model_id::uuid, c.to_state, c.ordinal, c.name, c.check_name, true, c.check_name NOT IN ('package_sealed', 'changes_approved', 'targets_backed_out')
FROM (VALUES
    ('019ac000-0003-7000-8000-000000000001', '019ac000-0002-7000-8000-000000000001', 'planned',    1, 'policy named', 'policy_named'),
    ('019ac000-0003-7000-8000-000000000002', '019ac000-0002-7000-8000-000000000001', 'planned',    2, 'plan accepted', 'plan_accepted'),
    ('019ac000-0003-7000-8000-000000000003', '019ac000-0002-7000-8000-000000000001', 'built',      1, 'items in the library', 'items_in_library'),
    ('019ac000-0003-7000-8000-000000000004', '019ac000-0002-7000-8000-000000000001', 'built',      2, 'design chosen', 'waves_fit_design'),
    ('019ac000-0003-7000-8000-000000000005', '019ac000-0002-7000-8000-000000000001', 'sealed',     1, 'package compatible', 'package_compatible'),
    ('019ac000-0003-7000-8000-000000000006', '019ac000-0002-7000-8000-000000000001', 'sealed',     2, 'configuration items traceable', 'cis_traceable'),
    ('019ac000-0003-7000-8000-000000000007', '019ac000-0002-7000-8000-000000000001', 'sealed',     3, 'package sealed', 'package_sealed'),
    ('019ac000-0003-7000-8000-000000000008', '019ac000-0002-7000-8000-000000000001', 'sealed',     4, 'package signed', 'package_signed'),
    ('019ac000-0003-7000-8000-000000000009', '019ac000-0002-7000-8000-000000000001', 'accepted',   1, 'tests passed', 'tests_passed'),
    ('019ac000-0003-7000-8000-00000000000a', '019ac000-0002-7000-8000-000000000001', 'accepted',   2, 'no blocking risk', 'no_blocking_risk'),
    ('019ac000-0003-7000-8000-00000000000b', '019ac000-0002-7000-8000-000000000001', 'authorized', 1, 'criteria agreed', 'criteria_agreed'),
    ('019ac000-0003-7000-8000-00000000000c', '019ac000-0002-7000-8000-000000000001', 'authorized', 2, 'remediation planned', 'remediation_planned'),
    ('019ac000-0003-7000-8000-00000000000d', '019ac000-0002-7000-8000-000000000001', 'authorized', 3, 'window booked', 'window_booked'),
    ('019ac000-0003-7000-8000-00000000000e', '019ac000-0002-7000-8000-000000000001', 'authorized', 4, 'policy complied with', 'policy_complied'),
    ('019ac000-0003-7000-8000-00000000000f', '019ac000-0002-7000-8000-000000000001', 'authorized', 5, 'changes approved', 'changes_approved'),
    ('019ac000-0003-7000-8000-00000000001f', '019ac000-0002-7000-8000-000000000001', 'authorized', 6, 'no conflict', 'conflicts_settled'),
    ('019ac000-0003-7000-8000-000000000010', '019ac000-0002-7000-8000-000000000001', 'pilot',      1, 'stakeholders notified', 'stakeholders_notified'),
    ('019ac000-0003-7000-8000-000000000011', '019ac000-0002-7000-8000-000000000001', 'pilot',      2, 'knowledge transferred to users', 'knowledge_users'),
    ('019ac000-0003-7000-8000-000000000012', '019ac000-0002-7000-8000-000000000001', 'pilot',      3, 'support requests done', 'support_requests_done'),
    ('019ac000-0003-7000-8000-00000000001a', '019ac000-0002-7000-8000-000000000001', 'pilot',      4, 'changes still approved', 'changes_approved'),
    ('019ac000-0003-7000-8000-00000000001b', '019ac000-0002-7000-8000-000000000001', 'pilot',      5, 'package fits the targets', 'targets_compatible'),
    ('019ac000-0003-7000-8000-00000000001d', '019ac000-0002-7000-8000-000000000001', 'pilot',      6, 'dependencies met', 'dependencies_met'),
    ('019ac000-0003-7000-8000-00000000001e', '019ac000-0002-7000-8000-000000000001', 'pilot',      7, 'train caught', 'train_caught'),
    ('019ac000-0003-7000-8000-000000000020', '019ac000-0002-7000-8000-000000000001', 'pilot',      8, 'still no conflict', 'conflicts_settled'),
    ('019ac000-0003-7000-8000-000000000013', '019ac000-0002-7000-8000-000000000001', 'deploying',  1, 'pilot successful', 'pilot_successful'),
    ('019ac000-0003-7000-8000-000000000014', '019ac000-0002-7000-8000-000000000001', 'early_life', 1, 'deployment verified', 'deployment_verified'),
    ('019ac000-0003-7000-8000-000000000015', '019ac000-0002-7000-8000-000000000001', 'early_life', 2, 'knowledge transferred to operations', 'knowledge_operations'),
    ('019ac000-0003-7000-8000-000000000016', '019ac000-0002-7000-8000-000000000001', 'review',     1, 'early life over', 'early_life_over'),
    ('019ac000-0003-7000-8000-000000000017', '019ac000-0002-7000-8000-000000000001', 'review',     2, 'no open incident', 'no_open_incident'),
    ('019ac000-0003-7000-8000-000000000018', '019ac000-0002-7000-8000-000000000001', 'closed',     1, 'review held', 'review_held'),
    ('019ac000-0003-7000-8000-000000000019', '019ac000-0002-7000-8000-000000000001', 'closed',     2, 'deviations handled', 'deviations_handled'),
    ('019ac000-0003-7000-8000-00000000001c', '019ac000-0002-7000-8000-000000000001', 'backed_out', 1, 'targets backed out', 'targets_backed_out')
) AS c(id, model_id, to_state, ordinal, name, check_name);

-- The other shipped models. Beside its main road each has the states of the standard model, and the ways into them and back.
INSERT INTO release_mgmt.release_model (id, code, version, description, builtin) VALUES
    ('019ac000-0002-7000-8000-000000000002', 'minor', 1, 'A small change: no pilot of its own, no formal review.', true),
    ('019ac000-0002-7000-8000-000000000003', 'emergency', 1, 'What can not wait for a window, a pilot or a plan: approved content at once; tests, policy and knowledge are made good before the review.', true),
    ('019ac000-0002-7000-8000-000000000004', 'hardware refresh', 1, 'Devices are replaced: what is delivered are configuration items, not content of the library.', true),
    ('019ac000-0002-7000-8000-000000000005', 'documentation', 1, 'Documents are published: nothing to pilot, and nothing that an incident could be blamed on.', true);

INSERT INTO release_mgmt.model_state (model_id, state, ordinal, kind, builtin)
SELECT m.id, s.state, s.ordinal, k.kind, true
FROM (VALUES ('minor', '{draft,planned,built,sealed,testing,accepted,authorized,deploying,early_life,closed}'::text[]),
             ('emergency', '{draft,planned,sealed,authorized,deploying,early_life,review,closed}'::text[]),
             ('hardware refresh', '{draft,planned,built,sealed,accepted,authorized,deploying,early_life,review,closed}'::text[]),
             ('documentation', '{draft,planned,sealed,authorized,deploying,early_life,closed}'::text[])) AS road(model, states)
JOIN release_mgmt.release_model AS m ON m.code = road.model AND m.builtin
CROSS JOIN LATERAL (SELECT r.state, r.ordinal::integer FROM pg_catalog.unnest(road.states) WITH ORDINALITY AS r(state, ordinal)
                    UNION ALL
                    VALUES ('on_hold', 13), ('cancelled', 15), ('backing_out', 16), ('backed_out', 17), ('failed', 18)) AS s(state, ordinal)
JOIN release_mgmt.model_state AS k ON k.model_id = '019ac000-0002-7000-8000-000000000001' AND k.state = s.state;

INSERT INTO release_mgmt.model_transition (model_id, from_state, to_state, forward, builtin)
SELECT a.model_id, a.state, b.state, t.forward, true
FROM release_mgmt.release_model AS m
JOIN release_mgmt.model_state AS a ON a.model_id = m.id
JOIN release_mgmt.model_state AS b ON b.model_id = m.id AND b.state <> a.state
CROSS JOIN LATERAL (SELECT b.ordinal = a.ordinal + 1 AND b.ordinal <= 12 OR (a.state, b.state) = ('backing_out', 'backed_out') AS forward) AS t
WHERE m.builtin AND m.id <> '019ac000-0002-7000-8000-000000000001'
  AND (t.forward
       OR (a.state, b.state) IN (('planned', 'draft'), ('on_hold', 'planned'), ('on_hold', 'cancelled'), ('failed', 'backing_out'))
       OR (a.kind = 'planning' AND a.state <> 'draft' AND b.state IN ('planned', 'on_hold'))
       OR (a.kind = 'planning' AND b.state = 'cancelled')
       OR (a.state IN ('deploying', 'early_life') AND b.state IN ('failed', 'backing_out')));

INSERT INTO release_mgmt.gate_criterion (id, model_id, to_state, ordinal, name, check_name, builtin, waivable)
SELECT ('019ac000-0003-7000-8000-00000000' || c.id)::uuid, m.id, c.to_state, c.ordinal, c.name, c.check_name, true, c.check_name NOT IN ('package_sealed', 'changes_approved', 'targets_backed_out')
FROM (VALUES
    ('0201', 'minor', 'planned', 1, 'policy named', 'policy_named'),
    ('0202', 'minor', 'planned', 2, 'plan accepted', 'plan_accepted'),
    ('0203', 'minor', 'built', 1, 'items in the library', 'items_in_library'),
    ('0204', 'minor', 'built', 2, 'design chosen', 'waves_fit_design'),
    ('0205', 'minor', 'sealed', 1, 'package compatible', 'package_compatible'),
    ('0206', 'minor', 'sealed', 2, 'configuration items traceable', 'cis_traceable'),
    ('0207', 'minor', 'sealed', 3, 'package sealed', 'package_sealed'),
    ('0208', 'minor', 'sealed', 4, 'package signed', 'package_signed'),
    ('0209', 'minor', 'accepted', 1, 'tests passed', 'tests_passed'),
    ('020a', 'minor', 'accepted', 2, 'no blocking risk', 'no_blocking_risk'),
    ('020b', 'minor', 'authorized', 1, 'criteria agreed', 'criteria_agreed'),
    ('020c', 'minor', 'authorized', 2, 'remediation planned', 'remediation_planned'),
    ('020d', 'minor', 'authorized', 3, 'window booked', 'window_booked'),
    ('020e', 'minor', 'authorized', 4, 'policy complied with', 'policy_complied'),
    ('020f', 'minor', 'authorized', 5, 'changes approved', 'changes_approved'),
    ('021d', 'minor', 'authorized', 6, 'no conflict', 'conflicts_settled'),
    ('0210', 'minor', 'deploying', 1, 'stakeholders notified', 'stakeholders_notified'),
    ('0211', 'minor', 'deploying', 2, 'support requests done', 'support_requests_done'),
    ('0212', 'minor', 'deploying', 3, 'changes still approved', 'changes_approved'),
    ('0213', 'minor', 'deploying', 4, 'package fits the targets', 'targets_compatible'),
    ('021b', 'minor', 'deploying', 5, 'dependencies met', 'dependencies_met'),
    ('021c', 'minor', 'deploying', 6, 'train caught', 'train_caught'),
    ('021e', 'minor', 'deploying', 7, 'still no conflict', 'conflicts_settled'),
    ('0214', 'minor', 'early_life', 1, 'deployment verified', 'deployment_verified'),
    ('0215', 'minor', 'early_life', 2, 'knowledge transferred to operations', 'knowledge_operations'),
    ('0216', 'minor', 'closed', 1, 'early life over', 'early_life_over'),
    ('0217', 'minor', 'closed', 2, 'no open incident', 'no_open_incident'),
    ('0218', 'minor', 'closed', 3, 'deviations handled', 'deviations_handled'),
    ('0219', 'minor', 'backed_out', 1, 'targets backed out', 'targets_backed_out'),
    ('0301', 'emergency', 'sealed', 1, 'package compatible', 'package_compatible'),
    ('0302', 'emergency', 'sealed', 2, 'configuration items traceable', 'cis_traceable'),
    ('0303', 'emergency', 'sealed', 3, 'package sealed', 'package_sealed'),
    ('0304', 'emergency', 'sealed', 4, 'package signed', 'package_signed'),
    ('0305', 'emergency', 'authorized', 1, 'remediation planned', 'remediation_planned'),
    ('0306', 'emergency', 'authorized', 2, 'no blocking risk', 'no_blocking_risk'),
    ('0307', 'emergency', 'authorized', 3, 'changes approved', 'changes_approved'),
    ('0308', 'emergency', 'deploying', 1, 'changes still approved', 'changes_approved'),
    ('0309', 'emergency', 'deploying', 2, 'package fits the targets', 'targets_compatible'),
    ('031b', 'emergency', 'deploying', 3, 'dependencies met', 'dependencies_met'),
    ('030a', 'emergency', 'early_life', 1, 'deployment verified', 'deployment_verified'),
    ('030b', 'emergency', 'early_life', 2, 'stakeholders notified', 'stakeholders_notified'),
    ('030c', 'emergency', 'review', 1, 'early life over', 'early_life_over'),
    ('030d', 'emergency', 'review', 2, 'no open incident', 'no_open_incident'),
    ('030e', 'emergency', 'review', 3, 'policy named', 'policy_named'),
    ('030f', 'emergency', 'review', 4, 'policy complied with', 'policy_complied'),
    ('0310', 'emergency', 'review', 5, 'tests passed', 'tests_passed'),
    ('0311', 'emergency', 'review', 6, 'knowledge transferred to operations', 'knowledge_operations'),
    ('0312', 'emergency', 'closed', 1, 'review held', 'review_held'),
    ('0313', 'emergency', 'closed', 2, 'deviations handled', 'deviations_handled'),
    ('0314', 'emergency', 'backed_out', 1, 'targets backed out', 'targets_backed_out'),
    ('0401', 'hardware refresh', 'planned', 1, 'policy named', 'policy_named'),
    ('0402', 'hardware refresh', 'planned', 2, 'plan accepted', 'plan_accepted'),
    ('0403', 'hardware refresh', 'built', 1, 'design chosen', 'waves_fit_design'),
    ('0404', 'hardware refresh', 'built', 2, 'support requests done', 'support_requests_done'),
    ('041a', 'hardware refresh', 'built', 3, 'components tied', 'components_tied'),
    ('0405', 'hardware refresh', 'sealed', 1, 'package compatible', 'package_compatible'),
    ('0406', 'hardware refresh', 'sealed', 2, 'configuration items traceable', 'cis_traceable'),
    ('0407', 'hardware refresh', 'sealed', 3, 'package sealed', 'package_sealed'),
    ('0408', 'hardware refresh', 'sealed', 4, 'package signed', 'package_signed'),
    ('0409', 'hardware refresh', 'accepted', 1, 'tests passed', 'tests_passed'),
    ('040a', 'hardware refresh', 'accepted', 2, 'no blocking risk', 'no_blocking_risk'),
    ('040b', 'hardware refresh', 'authorized', 1, 'criteria agreed', 'criteria_agreed'),
    ('040c', 'hardware refresh', 'authorized', 2, 'remediation planned', 'remediation_planned'),
    ('040d', 'hardware refresh', 'authorized', 3, 'window booked', 'window_booked'),
    ('040e', 'hardware refresh', 'authorized', 4, 'policy complied with', 'policy_complied'),
    ('040f', 'hardware refresh', 'authorized', 5, 'changes approved', 'changes_approved'),
    ('041d', 'hardware refresh', 'authorized', 6, 'no conflict', 'conflicts_settled'),
    ('0410', 'hardware refresh', 'deploying', 1, 'stakeholders notified', 'stakeholders_notified'),
    ('0411', 'hardware refresh', 'deploying', 2, 'changes still approved', 'changes_approved'),
    ('0412', 'hardware refresh', 'deploying', 3, 'package fits the targets', 'targets_compatible'),
    ('041b', 'hardware refresh', 'deploying', 4, 'dependencies met', 'dependencies_met'),
    ('041c', 'hardware refresh', 'deploying', 5, 'train caught', 'train_caught'),
    ('041e', 'hardware refresh', 'deploying', 6, 'still no conflict', 'conflicts_settled'),
    ('0413', 'hardware refresh', 'early_life', 1, 'deployment verified', 'deployment_verified'),
    ('0414', 'hardware refresh', 'early_life', 2, 'knowledge transferred to operations', 'knowledge_operations'),
    ('0415', 'hardware refresh', 'review', 1, 'early life over', 'early_life_over'),
    ('0416', 'hardware refresh', 'review', 2, 'no open incident', 'no_open_incident'),
    ('0417', 'hardware refresh', 'closed', 1, 'review held', 'review_held'),
    ('0418', 'hardware refresh', 'closed', 2, 'deviations handled', 'deviations_handled'),
    ('0419', 'hardware refresh', 'backed_out', 1, 'targets backed out', 'targets_backed_out'),
    ('0501', 'documentation', 'planned', 1, 'policy named', 'policy_named'),
    ('0502', 'documentation', 'sealed', 1, 'items in the library', 'items_in_library'),
    ('0503', 'documentation', 'sealed', 2, 'package sealed', 'package_sealed'),
    ('0504', 'documentation', 'sealed', 3, 'package signed', 'package_signed'),
    ('0505', 'documentation', 'authorized', 1, 'criteria agreed', 'criteria_agreed'),
    ('0506', 'documentation', 'authorized', 2, 'remediation planned', 'remediation_planned'),
    ('0507', 'documentation', 'authorized', 3, 'changes approved', 'changes_approved'),
    ('0508', 'documentation', 'deploying', 1, 'stakeholders notified', 'stakeholders_notified'),
    ('0509', 'documentation', 'deploying', 2, 'changes still approved', 'changes_approved'),
    ('051b', 'documentation', 'deploying', 3, 'dependencies met', 'dependencies_met'),
    ('051c', 'documentation', 'deploying', 4, 'train caught', 'train_caught'),
    ('050a', 'documentation', 'early_life', 1, 'deployment verified', 'deployment_verified'),
    ('050b', 'documentation', 'early_life', 2, 'knowledge transferred to users', 'knowledge_users'),
    ('050c', 'documentation', 'closed', 1, 'deviations handled', 'deviations_handled'),
    ('050d', 'documentation', 'backed_out', 1, 'targets backed out', 'targets_backed_out')
) AS c(id, model, to_state, ordinal, name, check_name)
JOIN release_mgmt.release_model AS m ON m.code = c.model AND m.builtin;

-- Who approves: of a change that can wait the CAB, of another the ECAB; each with one change manager of an organization concerned.
INSERT INTO release_mgmt.approval_quorum (model_id, body, duty, seats, required, builtin)
SELECT m.id, CASE m.code WHEN 'emergency' THEN 'ECAB' ELSE 'CAB' END, 'change manager', 'concerned', 1, true
FROM release_mgmt.release_model AS m WHERE m.builtin;
