-- Module metrics: the obligations of the contract as rows, and for each release whether it is met, with the rows that prove it.

CREATE TABLE release_mgmt.obligation (
    id         uuid DEFAULT release_mgmt.new_id(),
    contract   text NOT NULL DEFAULT 'data-centre services',
    clause     text NOT NULL,
    ordinal    integer NOT NULL,
    obligation text NOT NULL,
    builtin    boolean NOT NULL DEFAULT false,
    CONSTRAINT obligation_pkey PRIMARY KEY (id),
    CONSTRAINT obligation_contract_clause_key UNIQUE (contract, clause),
    CONSTRAINT obligation_contract_ordinal_key UNIQUE (contract, ordinal),
    CONSTRAINT obligation_obligation_check CHECK (obligation <> '')
);
COMMENT ON TABLE release_mgmt.obligation IS
'One row for each clause of the contract; those of other contracts are added with their own name in contract, and their checks in obligation_check.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.obligation', 'WHERE NOT builtin');
INSERT INTO release_mgmt.obligation (id, clause, ordinal, obligation, builtin) VALUES
    ('019ac000-0004-7000-8000-000000000001', '1', 1, 'operate by policies that state objectives, scope and principles', true),
    ('019ac000-0004-7000-8000-000000000002', '1.1', 2, 'help customers and other providers get what they need for a deployment', true),
    ('019ac000-0004-7000-8000-000000000003', '1.2, 2', 3, 'agreed release and deployment plans; a Release Management Plan; a schedule', true),
    ('019ac000-0004-7000-8000-000000000004', '1.3, 2.1', 4, 'each package is a set of related assets and components that are compatible', true),
    ('019ac000-0004-7000-8000-000000000005', '1.4, 2.2', 5, 'integrity of the package and its parts kept through transition and recorded exactly', true),
    ('019ac000-0004-7000-8000-000000000006', '1.5, 2.3', 6, 'every package tracked, installed, tested, verified, uninstalled or backed out', true),
    ('019ac000-0004-7000-8000-000000000007', '1.6', 7, 'organizational and stakeholder change managed', true),
    ('019ac000-0004-7000-8000-000000000008', '1.7, 2.4', 8, 'deviations, risks and issues recorded and managed, corrective action taken', true),
    ('019ac000-0004-7000-8000-000000000009', '1.8, 2.5', 9, 'knowledge transfer to customers and users', true),
    ('019ac000-0004-7000-8000-00000000000a', '1.9, 2.6', 10, 'skills and knowledge to operations and support, to warranty and service levels', true),
    ('019ac000-0004-7000-8000-00000000000b', '1.10', 11, 'release units', true),
    ('019ac000-0004-7000-8000-00000000000c', '1.11', 12, 'release design options', true),
    ('019ac000-0004-7000-8000-00000000000d', '1.12', 13, 'releases and release packages', true),
    ('019ac000-0004-7000-8000-00000000000e', '1.13, 2.7', 14, 'release models', true),
    ('019ac000-0004-7000-8000-00000000000f', '1.14, 2.8', 15, 'testing methods, tools and procedures', true),
    ('019ac000-0004-7000-8000-000000000010', '1.15', 16, 'pilots', true),
    ('019ac000-0004-7000-8000-000000000011', '1.16, 2.9', 17, 'success and failure criteria at each point of the lifecycle, agreed with customers, tracked', true),
    ('019ac000-0004-7000-8000-000000000012', '1.17', 18, 'measure success and failure of releases, with the incidents that follow', true),
    ('019ac000-0004-7000-8000-000000000013', '3', 19, 'oversee roll-out of software, hardware and documentation', true),
    ('019ac000-0004-7000-8000-000000000014', '4', 20, 'agree exact content and roll-out plan with Change Management', true),
    ('019ac000-0004-7000-8000-000000000015', '5', 21, 'everything rolled out is secure and traceable via the CMDB', true),
    ('019ac000-0004-7000-8000-000000000016', '6', 22, 'manage expectations', true),
    ('019ac000-0004-7000-8000-000000000017', '7', 23, 'comply with policies, security included', true),
    ('019ac000-0004-7000-8000-000000000018', '8', 24, 'keep the Definitive Media Library up to date', true),
    ('019ac000-0004-7000-8000-000000000019', '10', 25, 'software control and distribution procedures into production', true);
SELECT release_mgmt_internal.govern_own('release_mgmt.obligation');
SELECT release_mgmt_internal.is_shared('release_mgmt.obligation', 'the contract');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.obligation');

CREATE TABLE release_mgmt.obligation_wording (
    obligation_id uuid,
    clause_text   text NOT NULL,
    CONSTRAINT obligation_wording_pkey PRIMARY KEY (obligation_id),
    CONSTRAINT obligation_wording_obligation_id_fkey FOREIGN KEY (obligation_id) REFERENCES release_mgmt.obligation
);
COMMENT ON TABLE release_mgmt.obligation_wording IS 'The contract''s own wording of a clause. A table of its own, because shipped obligations never change.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.obligation_wording', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.obligation_wording');
SELECT release_mgmt_internal.is_shared('release_mgmt.obligation_wording', 'the contract');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.obligation_wording');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT, UPDATE', 'release_mgmt.obligation_wording');

CREATE TABLE release_mgmt.obligation_check (
    obligation_id uuid NOT NULL,
    check_name    text NOT NULL,
    builtin       boolean NOT NULL DEFAULT false,
    CONSTRAINT obligation_check_pkey PRIMARY KEY (obligation_id, check_name),
    CONSTRAINT obligation_check_obligation_id_fkey FOREIGN KEY (obligation_id) REFERENCES release_mgmt.obligation,
    CONSTRAINT obligation_check_check_name_fkey FOREIGN KEY (check_name) REFERENCES release_mgmt.registered_check
);
COMMENT ON TABLE release_mgmt.obligation_check IS 'Which registered checks (point gate) show that an obligation is met; all of them must.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.obligation_check', 'WHERE NOT builtin');
SELECT release_mgmt_internal.govern_own('release_mgmt.obligation_check');
SELECT release_mgmt_internal.is_shared('release_mgmt.obligation_check', 'the contract');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.obligation_check');

CREATE TABLE release_mgmt.inapplicability (
    release_id    uuid NOT NULL,
    obligation_id uuid NOT NULL,
    reason        text NOT NULL,
    requested_by  uuid NOT NULL,
    approved_by   uuid,
    approved_at   timestamptz,
    CONSTRAINT inapplicability_pkey PRIMARY KEY (release_id, obligation_id),
    CONSTRAINT inapplicability_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT inapplicability_obligation_id_fkey FOREIGN KEY (obligation_id) REFERENCES release_mgmt.obligation,
    CONSTRAINT inapplicability_requested_by_fkey FOREIGN KEY (requested_by) REFERENCES release_mgmt.person,
    CONSTRAINT inapplicability_approved_by_fkey FOREIGN KEY (approved_by) REFERENCES release_mgmt.person,
    CONSTRAINT inapplicability_reason_check CHECK (reason <> ''),
    CONSTRAINT inapplicability_approved_check CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CONSTRAINT inapplicability_separation_check CHECK (approved_by <> requested_by)
);
COMMENT ON TABLE release_mgmt.inapplicability IS
'Obligations that do not apply to a release: the reason, and the approver, without whom the row says nothing. Written by state_inapplicable() and approve_inapplicable().';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.inapplicability', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.inapplicability');
SELECT release_mgmt_internal.belongs('release_mgmt.inapplicability', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.inapplicability');

CREATE FUNCTION release_mgmt_internal.obligation_id(clause text) RETURNS uuid
LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    found_id uuid;
BEGIN
    SELECT o.id INTO found_id FROM release_mgmt.obligation AS o WHERE o.clause = obligation_id.clause ORDER BY o.builtin DESC, o.contract LIMIT 1;
    IF found_id IS NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('clause "%s" does not exist', clause), NULL,
            'Clauses are in release_mgmt.obligation.');
    END IF;
    RETURN found_id;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.obligation_id(text) IS 'The id of the obligation with that clause; RM002 if there is none.';

-- SECURITY DEFINER: these two verbs alone write inapplicability.
CREATE PROCEDURE release_mgmt.state_inapplicable(release text, clause text, reason text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('release manager');
    of_release uuid := release_mgmt.release_id(release);
BEGIN
    PERFORM release_mgmt_internal.require_duty_for(of_release, 'release manager');
    INSERT INTO release_mgmt.inapplicability (release_id, obligation_id, reason, requested_by)
    VALUES (of_release, release_mgmt_internal.obligation_id(clause), reason, acting)
    ON CONFLICT ON CONSTRAINT inapplicability_pkey DO UPDATE
        SET reason = excluded.reason, requested_by = excluded.requested_by, approved_by = NULL, approved_at = NULL
        WHERE release_mgmt.inapplicability.reason <> excluded.reason;
END $$;
COMMENT ON PROCEDURE release_mgmt.state_inapplicable(text, text, text) IS
'States that an obligation does not apply to a release, and why; it counts once another person approves. Another reason for the same clause voids the approval. Errors: RM002 unknown release or clause, RM003 without the duty release manager.';
SELECT release_mgmt_internal.allow('{release manager}', 'EXECUTE', 'PROCEDURE release_mgmt.state_inapplicable(text, text, text)');

CREATE PROCEDURE release_mgmt.approve_inapplicable(release text, clause text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('change manager', 'customer representative');
    of_release uuid := release_mgmt.release_id(release);
    stated release_mgmt.inapplicability;
BEGIN
    PERFORM release_mgmt_internal.require_duty_for(of_release, 'change manager', 'customer representative');
    SELECT i.* INTO stated FROM release_mgmt.inapplicability AS i
    WHERE i.release_id = of_release AND i.obligation_id = release_mgmt_internal.obligation_id(clause) FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('nobody states that clause "%s" does not apply to release "%s"', clause, release), NULL,
            'A release manager does, with CALL release_mgmt.state_inapplicable(release, clause, reason).');
    END IF;
    IF stated.requested_by = acting THEN
        PERFORM release_mgmt_internal.refuse('separation_of_duties', format('the requester can not approve that clause "%s" does not apply to release "%s"', clause, release),
            NULL, 'Another person with the duty change manager or customer representative does.');
    END IF;
    UPDATE release_mgmt.inapplicability AS i SET approved_by = acting, approved_at = now()
    WHERE i.release_id = stated.release_id AND i.obligation_id = stated.obligation_id AND i.approved_by IS NULL;
END $$;
COMMENT ON PROCEDURE release_mgmt.approve_inapplicable(text, text) IS
'Approves that an obligation does not apply to a release. Errors: RM002 unknown release or clause, RM003 without the duty change manager or customer representative, RM008 who stated it, RM015 nobody stated it.';
SELECT release_mgmt_internal.allow('{change manager,customer representative}', 'EXECUTE', 'PROCEDURE release_mgmt.approve_inapplicable(text, text)');
