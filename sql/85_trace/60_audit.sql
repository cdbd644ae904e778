-- Module trace: configuration audits. Items are drawn at random, somebody looks at each, and what was found is held against
-- what the CMDB said at that moment.
--
-- The draw can be done again by anybody: the items of the population in the order of SHA-256 over seed, newline and label, and
-- of these the first ones. Findings stay as they were recorded.

CREATE TABLE release_mgmt.ci_audit (
    id         uuid DEFAULT release_mgmt.new_id(),
    code       text NOT NULL,
    classes    text[] NOT NULL,
    seed       text NOT NULL,
    size       integer NOT NULL,
    population bigint NOT NULL,
    drawn_by   uuid NOT NULL,
    drawn_at   timestamptz NOT NULL,
    CONSTRAINT ci_audit_pkey PRIMARY KEY (id),
    CONSTRAINT ci_audit_code_key UNIQUE (code),
    CONSTRAINT ci_audit_drawn_by_fkey FOREIGN KEY (drawn_by) REFERENCES release_mgmt.person,
    CONSTRAINT ci_audit_code_check CHECK (code <> ''),
    CONSTRAINT ci_audit_size_check CHECK (size > 0)
);
COMMENT ON TABLE release_mgmt.ci_audit IS 'Configuration audits: which classes, how many items were drawn of how many, by whom. Written by draw_ci_audit().';
COMMENT ON COLUMN release_mgmt.ci_audit.classes IS 'the classes drawn from';
COMMENT ON COLUMN release_mgmt.ci_audit.seed IS 'the items drawn are the first in the order of sha256(seed || newline || label)';
COMMENT ON COLUMN release_mgmt.ci_audit.size IS 'how many items were asked for';
COMMENT ON COLUMN release_mgmt.ci_audit.population IS 'how many items these classes had, as far as who drew sees them';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ci_audit', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.ci_audit');
SELECT release_mgmt_internal.is_shared('release_mgmt.ci_audit', 'that an audit takes place is known to all; its items belong to somebody');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.ci_audit');

CREATE TABLE release_mgmt.ci_audit_item (
    id          uuid DEFAULT release_mgmt.new_id(),
    audit_id    uuid NOT NULL,
    ci_id       uuid NOT NULL,
    ordinal     integer NOT NULL,
    found       boolean,
    remark      text,
    examined_by uuid,
    examined_at timestamptz,
    CONSTRAINT ci_audit_item_pkey PRIMARY KEY (id),
    CONSTRAINT ci_audit_item_ci_key UNIQUE (audit_id, ci_id),
    CONSTRAINT ci_audit_item_audit_id_fkey FOREIGN KEY (audit_id) REFERENCES release_mgmt.ci_audit,
    CONSTRAINT ci_audit_item_ci_id_fkey FOREIGN KEY (ci_id) REFERENCES release_mgmt.ci,
    CONSTRAINT ci_audit_item_examined_by_fkey FOREIGN KEY (examined_by) REFERENCES release_mgmt.person,
    CONSTRAINT ci_audit_item_examined_check CHECK ((found IS NULL) = (examined_by IS NULL) AND (found IS NULL) = (examined_at IS NULL))
);
COMMENT ON TABLE release_mgmt.ci_audit_item IS 'The items that an audit drew, and whether each was found. Written by draw_ci_audit() and record_ci_finding().';
COMMENT ON COLUMN release_mgmt.ci_audit_item.ordinal IS 'place in the draw';
COMMENT ON COLUMN release_mgmt.ci_audit_item.found IS 'was the item there; NULL: nobody looked yet';
CREATE INDEX ci_audit_item_ci_id_idx ON release_mgmt.ci_audit_item (ci_id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ci_audit_item', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.ci_audit_item');
SELECT release_mgmt_internal.belongs('release_mgmt.ci_audit_item', through => 'ci_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.ci_audit_item');

CREATE TABLE release_mgmt.ci_audit_value (
    id        uuid DEFAULT release_mgmt.new_id(),
    item_id   uuid NOT NULL,
    attribute text NOT NULL,
    record    text,
    finding   text,
    matches   boolean NOT NULL,
    CONSTRAINT ci_audit_value_pkey PRIMARY KEY (id),
    CONSTRAINT ci_audit_value_attribute_key UNIQUE (item_id, attribute),
    CONSTRAINT ci_audit_value_item_id_fkey FOREIGN KEY (item_id) REFERENCES release_mgmt.ci_audit_item
);
COMMENT ON TABLE release_mgmt.ci_audit_value IS 'Record against finding: each attribute that somebody looked at. Written by record_ci_finding().';
COMMENT ON COLUMN release_mgmt.ci_audit_value.record IS 'what the CMDB said when the finding was recorded';
COMMENT ON COLUMN release_mgmt.ci_audit_value.matches IS 'is the finding, as the column''s type reads it, the record';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ci_audit_value', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.ci_audit_value');
SELECT release_mgmt_internal.belongs('release_mgmt.ci_audit_value', through => 'item_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.ci_audit_value');

CREATE TABLE release_mgmt.ci_correction (
    id       uuid DEFAULT release_mgmt.new_id(),
    code     text NOT NULL,
    item_id  uuid NOT NULL,
    what     text NOT NULL,
    owner_id uuid NOT NULL,
    due      date,
    done_by  uuid,
    done_at  timestamptz,
    CONSTRAINT ci_correction_pkey PRIMARY KEY (id),
    CONSTRAINT ci_correction_code_key UNIQUE (code),
    CONSTRAINT ci_correction_item_id_fkey FOREIGN KEY (item_id) REFERENCES release_mgmt.ci_audit_item,
    CONSTRAINT ci_correction_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES release_mgmt.person,
    CONSTRAINT ci_correction_done_by_fkey FOREIGN KEY (done_by) REFERENCES release_mgmt.person,
    CONSTRAINT ci_correction_what_check CHECK (what <> ''),
    CONSTRAINT ci_correction_done_check CHECK ((done_by IS NULL) = (done_at IS NULL))
);
COMMENT ON TABLE release_mgmt.ci_correction IS 'What is done about an item that an audit found to differ, by whom, until when. Written by plan_ci_correction() and complete_ci_correction().';
CREATE INDEX ci_correction_item_id_idx ON release_mgmt.ci_correction (item_id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ci_correction', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.ci_correction');
SELECT release_mgmt_internal.belongs('release_mgmt.ci_correction', through => 'item_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.ci_correction');

-- SECURITY DEFINER in all verbs: audits are written by these alone.
CREATE FUNCTION release_mgmt.draw_ci_audit(code text, size integer, classes text[] DEFAULT NULL, seed text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    acting uuid := release_mgmt_internal.require_duty('change manager', 'release manager');
    existing release_mgmt.ci_audit;
    unknown text;
    audit uuid := release_mgmt.new_id();
    drawn bigint;
BEGIN
    SELECT * INTO existing FROM release_mgmt.ci_audit AS a WHERE a.code = code;
    IF FOUND THEN
        IF existing.size IS DISTINCT FROM size OR (classes IS NOT NULL AND classes <> existing.classes) OR seed <> existing.seed THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('audit "%s" is drawn already, and differs', code), NULL, 'Choose another code.');
        END IF;
        RETURN (SELECT count(*) FROM release_mgmt.ci_audit_item AS i WHERE i.audit_id = existing.id);
    END IF;
    IF coalesce(code, '') = '' OR coalesce(size, 0) <= 0 THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', 'an audit has a code and draws at least one item', NULL,
            'SELECT release_mgmt.draw_ci_audit(code, size, ''{class, ...}'').');
    END IF;
    SELECT string_agg(c, ', ' ORDER BY c) INTO unknown FROM unnest(classes) AS c
    WHERE NOT EXISTS (SELECT FROM release_mgmt.ci_class AS k WHERE k.name = c AND k.source IS NOT NULL);
    IF unknown IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('audit "%s" can not be drawn', code),
            format('These are no bound classes: %s.', unknown), 'Classes are the rows of release_mgmt.ci_class.');
    END IF;
    classes := coalesce(classes, ARRAY(SELECT k.name FROM release_mgmt.ci_class AS k WHERE k.source IS NOT NULL ORDER BY k.name));
    seed := coalesce(seed, gen_random_uuid()::text);
    INSERT INTO release_mgmt.ci_audit (id, code, classes, seed, size, population, drawn_by, drawn_at)
    SELECT audit, code, classes, seed, size, count(*), acting, now()
    FROM release_mgmt.ci AS i
    WHERE i.class = ANY (classes) AND i.retired_at IS NULL
      AND (i.organization_id IS NULL OR release_mgmt_internal.may_see(i.organization_id, 'organization'));
    INSERT INTO release_mgmt.ci_audit_item (audit_id, ci_id, ordinal)
    SELECT audit, d.id, row_number() OVER (ORDER BY d.lot, d.id)
    FROM (SELECT i.id, sha256(convert_to(seed || E'\n' || i.label, 'UTF8')) AS lot
          FROM release_mgmt.ci AS i
          WHERE i.class = ANY (classes) AND i.retired_at IS NULL
            AND (i.organization_id IS NULL OR release_mgmt_internal.may_see(i.organization_id, 'organization'))
          ORDER BY 2, 1 LIMIT size) AS d;
    GET DIAGNOSTICS drawn = ROW_COUNT;
    IF drawn = 0 THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('audit "%s" can not be drawn', code), 'There is no item to draw from.',
            'Name classes that have items: SELECT class, count(*) FROM release_mgmt.ci GROUP BY class.');
    END IF;
    RETURN drawn;
END $$;
COMMENT ON FUNCTION release_mgmt.draw_ci_audit(text, integer, text[], text) IS
'Draws items at random for a configuration audit of that code. size: how many; classes: bound classes, all where none are given; seed: any text, random where none is given. Drawn are the items that come first in the order of SHA-256 over seed, newline and label, among those that the acting person sees. Returns how many were drawn, fewer than size where there are not as many. Errors: RM002 unknown class, RM003 without the duty change manager or release manager, RM015 no item, or the code stands for another audit.';
SELECT release_mgmt_internal.allow('{change manager,release manager}', 'EXECUTE', 'FUNCTION release_mgmt.draw_ci_audit(text, integer, text[], text)');

CREATE FUNCTION release_mgmt_internal.audit_item(audit text, ci text) RETURNS release_mgmt.ci_audit_item
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    item release_mgmt.ci_audit_item;
BEGIN
    SELECT x.* INTO item
    FROM release_mgmt.ci_audit AS a JOIN release_mgmt.ci_audit_item AS x ON x.audit_id = a.id JOIN release_mgmt.ci AS i ON i.id = x.ci_id
    WHERE a.code = audit AND i.label = ci AND (i.organization_id IS NULL OR release_mgmt_internal.may_see(i.organization_id, 'organization'))
    FOR UPDATE OF x;
    IF NOT FOUND THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('audit "%s" drew no item "%s"', audit, ci), NULL,
            'The items of an audit: SELECT ci FROM release_mgmt.ci_audit_sample WHERE audit = code.');
    END IF;
    RETURN item;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.audit_item(text, text) IS 'The item that the audit drew, locked; RM002 where it drew none of that label that the acting person sees.';

CREATE PROCEDURE release_mgmt.record_ci_finding(audit text, ci text, finding jsonb, present boolean DEFAULT true, remark text DEFAULT NULL)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    acting uuid := release_mgmt_internal.require_duty('change manager', 'release manager', 'operator');
    item release_mgmt.ci_audit_item := release_mgmt_internal.audit_item(audit, ci);
    problems text;
BEGIN
    IF present IS NULL OR finding IS NULL OR jsonb_typeof(finding) <> 'object' OR present = (finding = '{}') THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('the finding on "%s" says nothing', ci), NULL,
            'Give what was found as an object {"attribute": "value", ...} with at least one attribute; or present => false, and {}, where the item is not there.');
    END IF;
    IF item.found IS NOT NULL THEN
        IF item.found = present AND item.remark IS NOT DISTINCT FROM remark
           AND NOT EXISTS ((SELECT k.key, k.value FROM jsonb_each_text(finding) AS k) EXCEPT (SELECT v.attribute, v.finding FROM release_mgmt.ci_audit_value AS v WHERE v.item_id = item.id))
           AND NOT EXISTS ((SELECT v.attribute, v.finding FROM release_mgmt.ci_audit_value AS v WHERE v.item_id = item.id) EXCEPT (SELECT k.key, k.value FROM jsonb_each_text(finding) AS k)) THEN
            RETURN;
        END IF;
        PERFORM release_mgmt_internal.refuse('wrong_state', format('the finding of audit "%s" on "%s" is recorded already, and differs', audit, ci),
            format('It was recorded by %s.', (SELECT p.code FROM release_mgmt.person AS p WHERE p.id = item.examined_by)), 'A finding stands. Draw another audit.');
    END IF;
    IF present THEN
        SELECT string_agg(format('"%s" has no attribute "%s".', ci, k.key), E'\n' ORDER BY k.key) INTO problems
        FROM jsonb_each_text(finding) AS k
        WHERE k.key NOT IN (SELECT a.attribute FROM release_mgmt.ci_attributes(ci) AS a);
        IF problems IS NOT NULL THEN
            PERFORM release_mgmt_internal.refuse('unknown_code', format('the finding on "%s" does not fit the item', ci), problems,
                'The attributes of an item: SELECT * FROM release_mgmt.ci_attributes(item). One that was retired since the draw has none: record present => false.');
        END IF;
        INSERT INTO release_mgmt.ci_audit_value (item_id, attribute, record, finding, matches)
        SELECT item.id, k.key, a.value, k.value, release_mgmt_internal.same_value(ci, k.key, k.value, a.value)
        FROM jsonb_each_text(finding) AS k JOIN release_mgmt.ci_attributes(ci) AS a ON a.attribute = k.key;
    END IF;
    UPDATE release_mgmt.ci_audit_item AS x
    SET found = present, remark = record_ci_finding.remark, examined_by = acting, examined_at = now() WHERE x.id = item.id;
END $$;
COMMENT ON PROCEDURE release_mgmt.record_ci_finding(text, text, jsonb, boolean, text) IS
'Records what somebody found who looked at an item (label class/key) that the audit drew, beside what the CMDB says at this moment. finding: an object of attributes and values as found, at least one; present => false, with {}: the item is not there. A finding stands. Errors: RM002 the audit did not draw the item, or it has no such attribute, RM003 without the duty change manager, release manager or operator, RM015 the finding says nothing, or another one is recorded.';
SELECT release_mgmt_internal.allow('{change manager,release manager,operator}', 'EXECUTE', 'PROCEDURE release_mgmt.record_ci_finding(text, text, jsonb, boolean, text)');

CREATE FUNCTION release_mgmt.plan_ci_correction(audit text, ci text, what text, owner text DEFAULT NULL, due date DEFAULT NULL) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    acting uuid := release_mgmt_internal.require_duty('change manager', 'release manager');
    item release_mgmt.ci_audit_item := release_mgmt_internal.audit_item(audit, ci);
    owner_id uuid;
    code text;
BEGIN
    IF item.id IS NULL OR coalesce(btrim(what), '') = '' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', 'a correction names an audit, one of its items, and what is to be done', NULL,
            'SELECT release_mgmt.plan_ci_correction(audit, item, what, owner, due).');
    END IF;
    IF item.found IS NULL OR (item.found AND NOT EXISTS (SELECT FROM release_mgmt.ci_audit_value AS v WHERE v.item_id = item.id AND NOT v.matches)) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('audit "%s" has nothing to correct on "%s"', audit, ci), NULL,
            'A correction follows a finding that differs: SELECT * FROM release_mgmt.ci_audit_difference.');
    END IF;
    owner_id := CASE WHEN owner IS NULL THEN acting ELSE (SELECT p.id FROM release_mgmt.person AS p WHERE p.code = owner) END;
    IF owner_id IS NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('person "%s" does not exist', owner), NULL, 'Persons are the rows of release_mgmt.person.');
    END IF;
    SELECT c.code INTO code FROM release_mgmt.ci_correction AS c
    WHERE c.item_id = item.id AND c.what = what AND c.owner_id = owner_id AND c.due IS NOT DISTINCT FROM due;
    IF NOT FOUND THEN
        code := format('%s/%s/%s', audit, ci, 1 + (SELECT count(*) FROM release_mgmt.ci_correction AS c WHERE c.item_id = item.id));
        INSERT INTO release_mgmt.ci_correction (code, item_id, what, owner_id, due) VALUES (code, item.id, what, owner_id, due);
    END IF;
    RETURN code;
END $$;
COMMENT ON FUNCTION release_mgmt.plan_ci_correction(text, text, text, text, date) IS
'Plans what is done about an item (label class/key) that an audit found to differ or not to be there: what, by whom (a person''s code; who plans it where none is given), until when. Returns the correction''s code, audit/item/number. Errors: RM002 the audit did not draw the item, or unknown person, RM003 without the duty change manager or release manager, RM015 nothing to correct.';
SELECT release_mgmt_internal.allow('{change manager,release manager}', 'EXECUTE', 'FUNCTION release_mgmt.plan_ci_correction(text, text, text, text, date)');

CREATE PROCEDURE release_mgmt.complete_ci_correction(code text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    acting uuid := release_mgmt_internal.require_duty('change manager', 'release manager', 'operator');
    correction record;
BEGIN
    SELECT c.id, c.done_at INTO correction
    FROM release_mgmt.ci_correction AS c JOIN release_mgmt.ci_audit_item AS x ON x.id = c.item_id JOIN release_mgmt.ci AS i ON i.id = x.ci_id
    WHERE c.code = code AND (i.organization_id IS NULL OR release_mgmt_internal.may_see(i.organization_id, 'organization')) FOR UPDATE OF c;
    IF NOT FOUND THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('correction "%s" does not exist', code), NULL, 'See release_mgmt.ci_audit_difference.');
    END IF;
    IF correction.done_at IS NOT NULL THEN
        RETURN;
    END IF;
    UPDATE release_mgmt.ci_correction AS c SET done_by = acting, done_at = now() WHERE c.id = correction.id;
END $$;
COMMENT ON PROCEDURE release_mgmt.complete_ci_correction(text) IS
'Says that a correction is done. Whether the CMDB agrees with the finding by now is told by ci_audit_difference. Errors: RM002 unknown correction, RM003 without the duty change manager, release manager or operator.';
SELECT release_mgmt_internal.allow('{change manager,release manager,operator}', 'EXECUTE', 'PROCEDURE release_mgmt.complete_ci_correction(text)');

CREATE VIEW release_mgmt.ci_audit_sample WITH (security_invoker = true) AS
SELECT a.code AS audit, x.ordinal, i.label AS ci,
       CASE WHEN x.found IS NULL THEN 'awaiting' WHEN NOT x.found THEN 'not found'
            WHEN EXISTS (SELECT FROM release_mgmt.ci_audit_value AS v WHERE v.item_id = x.id AND NOT v.matches) THEN 'differs' ELSE 'matches' END AS status,
       p.code AS examined_by, x.examined_at, x.remark
FROM release_mgmt.ci_audit AS a
JOIN release_mgmt.ci_audit_item AS x ON x.audit_id = a.id
JOIN release_mgmt.ci AS i ON i.id = x.ci_id
LEFT JOIN release_mgmt.person AS p ON p.id = x.examined_by;
COMMENT ON VIEW release_mgmt.ci_audit_sample IS 'The items that each audit drew. status: awaiting (nobody looked yet), matches, differs, not found.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.ci_audit_sample');

-- SECURITY DEFINER: a duty lets its holder read items, not the customer's tables.
CREATE FUNCTION release_mgmt.is_ci_value(ci text, attribute text, value text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT CASE WHEN release_mgmt_internal.seen_item(ci) IS NOT NULL THEN release_mgmt_internal.same_value(ci, attribute, value, release_mgmt.ci_attribute(ci, attribute)) END;
END;
COMMENT ON FUNCTION release_mgmt.is_ci_value(text, text, text) IS
'Does the item named class/key have that value in that attribute now? 1.0 is 1.00 where the column''s type says so. Errors: RM002 no such item that the acting person sees.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,librarian,test manager,auditor,reader}', 'EXECUTE', 'FUNCTION release_mgmt.is_ci_value(text, text, text)');

-- A difference is settled in the CMDB when the record has become what was found, or the item that was not there is retired.
CREATE VIEW release_mgmt.ci_audit_difference WITH (security_invoker = true) AS
SELECT a.code AS audit, i.label AS ci, d.attribute, d.record, d.finding, d.kind,
       CASE WHEN d.kind = 'not found' THEN i.retired_at IS NOT NULL
            WHEN i.retired_at IS NOT NULL THEN false
            ELSE release_mgmt.is_ci_value(i.label, d.attribute, d.finding) END AS settled,
       c.code AS correction, c.what, o.code AS owner, c.due, c.done_at,
       c.done_at IS NULL AND c.due < current_date AS overdue
FROM release_mgmt.ci_audit AS a
JOIN release_mgmt.ci_audit_item AS x ON x.audit_id = a.id AND x.found IS NOT NULL
JOIN release_mgmt.ci AS i ON i.id = x.ci_id
CROSS JOIN LATERAL (
    SELECT v.attribute, v.record, v.finding, 'differs' FROM release_mgmt.ci_audit_value AS v WHERE v.item_id = x.id AND NOT v.matches
    UNION ALL
    SELECT NULL, i.label, NULL, 'not found' WHERE NOT x.found) AS d (attribute, record, finding, kind)
LEFT JOIN release_mgmt.ci_correction AS c ON c.item_id = x.id
LEFT JOIN release_mgmt.person AS o ON o.id = c.owner_id;
COMMENT ON VIEW release_mgmt.ci_audit_difference IS
'Record against finding: each attribute in which an audit found an item to differ from the CMDB, and each item that was not there (kind), with the corrections planned. settled: the CMDB says by now what was found. Reads the bound tables.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,librarian,test manager,auditor,reader}', 'SELECT', 'release_mgmt.ci_audit_difference');

CREATE VIEW release_mgmt.ci_audit_result WITH (security_invoker = true) AS
SELECT a.code AS audit, a.drawn_at, a.population, count(*) AS sampled,
       count(*) FILTER (WHERE s.status <> 'awaiting') AS examined,
       count(*) FILTER (WHERE s.status = 'matches') AS matching,
       count(*) FILTER (WHERE s.status = 'differs') AS differing,
       count(*) FILTER (WHERE s.status = 'not found') AS not_found,
       CASE WHEN bool_and(s.status <> 'awaiting') THEN round(100.0 * count(*) FILTER (WHERE s.status = 'matches') / count(*), 1) END AS accuracy_percent,
       coalesce(max(c.planned), 0) AS corrections, coalesce(max(c.done), 0) AS corrections_done
FROM release_mgmt.ci_audit AS a
JOIN release_mgmt.ci_audit_sample AS s ON s.audit = a.code
LEFT JOIN LATERAL (
    SELECT count(*) AS planned, count(k.done_at) AS done
    FROM release_mgmt.ci_audit_item AS x JOIN release_mgmt.ci_correction AS k ON k.item_id = x.id WHERE x.audit_id = a.id) AS c ON true
GROUP BY a.id;
COMMENT ON VIEW release_mgmt.ci_audit_result IS
'What each audit found. accuracy_percent: matching / sampled, NULL until every item drawn was looked at.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.ci_audit_result');
