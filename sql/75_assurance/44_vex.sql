-- Module assurance: what is known of a vulnerability in a product (VEX).

CREATE TABLE release_mgmt.vex_statement (
    id            uuid DEFAULT release_mgmt.new_id(),
    vulnerability text NOT NULL,
    product       release_mgmt.purl NOT NULL,
    within        release_mgmt.purl,
    status        text NOT NULL,
    justification text,
    impact        text,
    action        text,
    stated_by     uuid NOT NULL,
    stated_at     timestamptz NOT NULL,
    withdrawn_by  uuid,
    withdrawn_at  timestamptz,
    CONSTRAINT vex_statement_pkey PRIMARY KEY (id),
    CONSTRAINT vex_statement_stated_by_fkey FOREIGN KEY (stated_by) REFERENCES release_mgmt.person,
    CONSTRAINT vex_statement_withdrawn_by_fkey FOREIGN KEY (withdrawn_by) REFERENCES release_mgmt.person,
    CONSTRAINT vex_statement_vulnerability_check CHECK (vulnerability <> ''),
    CONSTRAINT vex_statement_status_check CHECK (status IN ('not_affected', 'affected', 'fixed', 'under_investigation')),
    CONSTRAINT vex_statement_justification_check
        CHECK (justification IN ('component_not_present', 'vulnerable_code_not_present', 'vulnerable_code_not_in_execute_path',
                                 'vulnerable_code_cannot_be_controlled_by_adversary', 'inline_mitigations_already_exist')),
    CONSTRAINT vex_statement_stated_check
        CHECK (CASE status WHEN 'not_affected' THEN justification IS NOT NULL OR coalesce(impact, '') <> '' WHEN 'affected' THEN coalesce(action, '') <> ''
                           ELSE true END AND (status = 'not_affected' OR justification IS NULL)),
    CONSTRAINT vex_statement_withdrawn_check CHECK ((withdrawn_by IS NULL) = (withdrawn_at IS NULL))
);
COMMENT ON TABLE release_mgmt.vex_statement IS
'What is known of vulnerabilities in products: whether what an advisory names applies at all. In the words of VEX; the latest that was not withdrawn counts. Written by load_vex() and withdraw_vex(), never altered.';
COMMENT ON COLUMN release_mgmt.vex_statement.vulnerability IS 'the code of an advisory, or one of its aliases (CVE-...)';
COMMENT ON COLUMN release_mgmt.vex_statement.product IS 'package URL of a library item or of a part of one; without version: every version of it';
COMMENT ON COLUMN release_mgmt.vex_statement.within IS 'package URL of the library item of which the product is a part, without version: every version of it; NULL: wherever the product is';
COMMENT ON COLUMN release_mgmt.vex_statement.status IS 'not_affected and fixed (as by a patch that keeps the version) settle it; affected (action says what to do) and under_investigation do not';
COMMENT ON COLUMN release_mgmt.vex_statement.justification IS 'why it is not affected, in one of the five words of VEX; or impact says it in words';
CREATE INDEX vex_statement_vulnerability_idx ON release_mgmt.vex_statement (vulnerability);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.vex_statement', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.vex_statement');
SELECT release_mgmt_internal.is_shared('release_mgmt.vex_statement', 'about public packages');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.vex_statement');

CREATE FUNCTION release_mgmt_internal.keep_vex() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' OR to_jsonb(NEW) - '{withdrawn_by,withdrawn_at}'::text[] <> to_jsonb(OLD) - '{withdrawn_by,withdrawn_at}'::text[] OR OLD.withdrawn_at IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('sealed', format('what was said of %s in %s stays as it was', OLD.vulnerability, OLD.product), NULL,
            'Say something else, which then counts, or withdraw it with withdraw_vex().');
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_vex() IS 'Trigger: a statement stays; it is withdrawn, once.';
CREATE TRIGGER rm_50_keep BEFORE UPDATE OR DELETE ON release_mgmt.vex_statement
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_vex();

CREATE FUNCTION release_mgmt_internal.purl_covers(named release_mgmt.purl, found release_mgmt.purl) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT release_mgmt.purl_package(named) = release_mgmt.purl_package(found)
       AND (release_mgmt.purl_version(named) IS NULL OR release_mgmt.purl_version(named) = release_mgmt.purl_version(found));
END;
COMMENT ON FUNCTION release_mgmt_internal.purl_covers(release_mgmt.purl, release_mgmt.purl) IS 'Is the package found the one that is named, in the version named, if one is? Qualifiers are left out of account.';

CREATE FUNCTION release_mgmt_internal.vex_for(advisory text, aliases text[], product release_mgmt.purl, item release_mgmt.purl) RETURNS SETOF release_mgmt.vex_statement
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
    SELECT v.* FROM release_mgmt.vex_statement AS v
    WHERE v.vulnerability = ANY (vex_for.aliases || vex_for.advisory) AND v.withdrawn_at IS NULL
      AND release_mgmt_internal.purl_covers(v.product, vex_for.product)
      AND (v.within IS NULL OR release_mgmt_internal.purl_covers(v.within, vex_for.item))
    ORDER BY v.stated_at DESC, v.id DESC LIMIT 1;
END;
COMMENT ON FUNCTION release_mgmt_internal.vex_for(text, text[], release_mgmt.purl, release_mgmt.purl) IS
'The statement that counts, of an advisory in a product within a library item; no row where there is none.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.vex_for(text, text[], release_mgmt.purl, release_mgmt.purl)');
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.purl_covers(release_mgmt.purl, release_mgmt.purl)');

CREATE FUNCTION release_mgmt_internal.touch_concerned(vulnerabilities text[]) RETURNS void
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT release_mgmt_internal.touch_affected(ARRAY(SELECT a.id FROM release_mgmt.advisory AS a WHERE a.code = ANY (vulnerabilities) OR a.aliases && vulnerabilities));
END;
COMMENT ON FUNCTION release_mgmt_internal.touch_concerned(text[]) IS 'Raises the revision of the releases whose components advisories with these codes or aliases name.';

CREATE FUNCTION release_mgmt_internal.openvex_statements(document jsonb)
RETURNS TABLE (n bigint, vulnerability text, product text, within text, status text, justification text, impact text, action text)
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 10
BEGIN ATOMIC
    WITH statement AS (
        SELECT s.n, s.content FROM pg_catalog.jsonb_array_elements(document -> 'statements') WITH ORDINALITY AS s(content, n)
    ), product AS (
        -- Early versions write the name alone.
        SELECT s.n, s.content, p.product,
               coalesce(p.product #>> '{identifiers,purl}', p.product ->> '@id', CASE pg_catalog.jsonb_typeof(p.product) WHEN 'string' THEN p.product #>> '{}' END) AS purl
        FROM statement AS s LEFT JOIN LATERAL pg_catalog.jsonb_path_query(s.content, 'lax $.products[*]') AS p(product) ON true
    )
    SELECT p.n, coalesce(p.content #>> '{vulnerability,name}', p.content #>> '{vulnerability,@id}', CASE pg_catalog.jsonb_typeof(p.content -> 'vulnerability') WHEN 'string' THEN p.content ->> 'vulnerability' END),
           CASE WHEN c.part IS NULL THEN p.purl ELSE coalesce(c.part #>> '{identifiers,purl}', c.part ->> '@id', c.part #>> '{}') END,
           CASE WHEN c.part IS NOT NULL THEN p.purl END,
           p.content ->> 'status', p.content ->> 'justification', p.content ->> 'impact_statement', p.content ->> 'action_statement'
    FROM product AS p LEFT JOIN LATERAL pg_catalog.jsonb_path_query(p.product, 'lax $.subcomponents[*]') AS c(part) ON true;
END;
COMMENT ON FUNCTION release_mgmt_internal.openvex_statements(jsonb) IS
'The statements of an OpenVEX document, one row for each product, or for each part of it where the statement names subcomponents: n numbers the statement. Source: OpenVEX 0.2.0.';

-- SECURITY DEFINER: the table is written by these verbs alone.
CREATE FUNCTION release_mgmt.load_vex(document jsonb) RETURNS integer
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('librarian', 'test manager', 'change manager');
    faults text;
    stated integer;
BEGIN
    IF coalesce(document ->> '@context', '') NOT LIKE 'https://openvex.dev/ns%' OR jsonb_typeof(document -> 'statements') IS DISTINCT FROM 'array' THEN
        PERFORM release_mgmt_internal.refuse('bad_content', 'this is no OpenVEX document', NULL, 'See https://openvex.dev: it has a @context and statements.');
    END IF;
    SELECT string_agg(format('Statement %s %s.', s.n, f.fault), ' ' ORDER BY s.n, f.fault) INTO faults
    FROM release_mgmt_internal.openvex_statements(document) AS s
    CROSS JOIN LATERAL (VALUES
        (CASE WHEN coalesce(s.vulnerability, '') = '' THEN 'names no vulnerability' END),
        (CASE WHEN release_mgmt_internal.try_purl(s.product) IS NULL THEN format('names as product %s, which is no package URL', coalesce(quote_literal(s.product), 'nothing')) END),
        (CASE WHEN s.within IS NOT NULL AND release_mgmt_internal.try_purl(s.within) IS NULL THEN format('names as product %L, which is no package URL', s.within) END),
        (CASE WHEN s.status IS NULL OR s.status NOT IN ('not_affected', 'affected', 'fixed', 'under_investigation') THEN format('has the status %s', coalesce(s.status, '(none)')) END),
        (CASE WHEN s.justification NOT IN ('component_not_present', 'vulnerable_code_not_present', 'vulnerable_code_not_in_execute_path',
                                           'vulnerable_code_cannot_be_controlled_by_adversary', 'inline_mitigations_already_exist')
              THEN format('is justified by %s, which is none of the five', s.justification)
              WHEN s.status <> 'not_affected' AND s.justification IS NOT NULL THEN format('justifies the status %s', s.status) END),
        (CASE WHEN s.status = 'not_affected' AND s.justification IS NULL AND coalesce(btrim(s.impact), '') = '' THEN 'says not_affected and neither a justification nor an impact_statement' END),
        (CASE WHEN s.status = 'affected' AND coalesce(btrim(s.action), '') = '' THEN 'says affected and no action_statement' END)) AS f(fault)
    WHERE f.fault IS NOT NULL;
    IF faults IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('bad_content', 'the OpenVEX document can not be taken', faults, 'Nothing of it was taken. See https://openvex.dev.');
    END IF;
    WITH said AS (
        SELECT s.n, s.vulnerability, s.product::purl AS product, s.within::purl AS within, s.status, s.justification, s.impact, s.action
        FROM release_mgmt_internal.openvex_statements(document) AS s
    ), new AS (
        INSERT INTO release_mgmt.vex_statement (vulnerability, product, within, status, justification, impact, action, stated_by, stated_at)
        SELECT s.vulnerability, s.product, s.within, s.status, s.justification, s.impact, s.action, acting, clock_timestamp()
        FROM said AS s
        -- What is said already, and was not said otherwise since, is not said again.
        WHERE (s.status, s.justification, s.impact, s.action)
              IS DISTINCT FROM (SELECT (v.status, v.justification, v.impact, v.action) FROM release_mgmt.vex_statement AS v
                                WHERE v.vulnerability = s.vulnerability AND v.product = s.product AND v.within IS NOT DISTINCT FROM s.within AND v.withdrawn_at IS NULL
                                ORDER BY v.stated_at DESC, v.id DESC LIMIT 1)
        ORDER BY s.n
        RETURNING 1
    )
    SELECT count(*) INTO stated FROM new;
    PERFORM release_mgmt_internal.touch_concerned(ARRAY(SELECT DISTINCT s.vulnerability FROM release_mgmt_internal.openvex_statements(document) AS s));
    RETURN stated;
END $$;
COMMENT ON FUNCTION release_mgmt.load_vex(jsonb) IS
'Takes the statements of an OpenVEX document: of a vulnerability (the code or alias of an advisory), in products (package URLs; subcomponents are parts within them), whether it applies. Returns how many are new; what stands already is not said again. All of it or nothing. Duties: librarian, test manager, change manager; in the gates of a release that the same person requested it does not count. Errors: RM001, RM003, RM019 with every statement that is wrong.';
SELECT release_mgmt_internal.allow('{librarian,test manager,change manager}', 'EXECUTE', 'FUNCTION release_mgmt.load_vex(jsonb)');

CREATE PROCEDURE release_mgmt.withdraw_vex(statement uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('librarian', 'test manager', 'change manager');
    withdrawn release_mgmt.vex_statement;
BEGIN
    SELECT v.* INTO withdrawn FROM release_mgmt.vex_statement AS v WHERE v.id = statement FOR UPDATE;
    IF withdrawn.id IS NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('VEX statement %s does not exist', statement), NULL, 'They are the rows of release_mgmt.vex_statement.');
    END IF;
    IF withdrawn.withdrawn_at IS NULL THEN
        UPDATE release_mgmt.vex_statement AS v SET withdrawn_by = acting, withdrawn_at = clock_timestamp() WHERE v.id = statement;
        PERFORM release_mgmt_internal.touch_concerned(ARRAY[withdrawn.vulnerability]);
    END IF;
END $$;
COMMENT ON PROCEDURE release_mgmt.withdraw_vex(uuid) IS
'Withdraws a statement, so that it counts no more; the one before it counts again. Duties: librarian, test manager, change manager. Errors: RM001, RM002 no such statement, RM003.';
SELECT release_mgmt_internal.allow('{librarian,test manager,change manager}', 'EXECUTE', 'PROCEDURE release_mgmt.withdraw_vex(uuid)');
