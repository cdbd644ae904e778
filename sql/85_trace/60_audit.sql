-- Module trace: configuration audits. Items are drawn at random, somebody looks at each, and what was found is held against
-- what the CMDB said at that moment.
--
-- The draw can be done again by anybody: the items of the population in the order of SHA-256 over seed, newline and label, and
-- of these the first ones. The seed is the leaf of the transaction that announced the audit: it is known when that has committed, and
-- stands then. Findings stay as they were recorded.

CREATE TABLE release_mgmt.ci_audit (
    id             uuid DEFAULT release_mgmt.new_id(),
    code           text NOT NULL,
    classes        text[] NOT NULL,
    size           integer NOT NULL,
    announced_by   uuid NOT NULL,
    announced_at   timestamptz NOT NULL,
    transaction_id uuid NOT NULL,
    seed           text,
    is_given       boolean,
    population     bigint,
    drawn_at       timestamptz,
    CONSTRAINT ci_audit_pkey PRIMARY KEY (id),
    CONSTRAINT ci_audit_code_key UNIQUE (code),
    CONSTRAINT ci_audit_announced_by_fkey FOREIGN KEY (announced_by) REFERENCES release_mgmt.person,
    CONSTRAINT ci_audit_code_check CHECK (code <> ''),
    CONSTRAINT ci_audit_size_check CHECK (size > 0),
    CONSTRAINT ci_audit_drawn_check CHECK (num_nulls(seed, is_given, population, drawn_at) IN (0, 4))
);
COMMENT ON TABLE release_mgmt.ci_audit IS 'Configuration audits: of which classes, by whom, how many items were drawn of how many. Written by announce_ci_audit() and draw_ci_audit().';
COMMENT ON COLUMN release_mgmt.ci_audit.classes IS 'the classes drawn from';
COMMENT ON COLUMN release_mgmt.ci_audit.transaction_id IS 'the transaction that announced the audit, whose leaf is the seed';
COMMENT ON COLUMN release_mgmt.ci_audit.seed IS 'the items drawn are the first in the order of sha256(seed || newline || label); NULL, as the rest: not drawn yet';
COMMENT ON COLUMN release_mgmt.ci_audit.is_given IS 'did who drew it give the seed, instead of the leaf';
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
CREATE PROCEDURE release_mgmt.announce_ci_audit(code text, size integer, classes text[] DEFAULT NULL)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    acting uuid := release_mgmt_internal.require_duty('change manager', 'release manager');
    existing release_mgmt.ci_audit;
    unknown text;
BEGIN
    SELECT * INTO existing FROM release_mgmt.ci_audit AS a WHERE a.code = code;
    IF FOUND THEN
        IF existing.size IS DISTINCT FROM size OR (classes IS NOT NULL AND classes <> existing.classes) OR existing.announced_by <> acting THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('audit "%s" is announced already, and differs', code), NULL, 'Choose another code.');
        END IF;
        RETURN;
    END IF;
    IF coalesce(code, '') = '' OR coalesce(size, 0) <= 0 THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', 'an audit has a code and draws at least one item', NULL,
            'CALL release_mgmt.announce_ci_audit(code, size, ''{class, ...}'').');
    END IF;
    SELECT string_agg(c, ', ' ORDER BY c) INTO unknown FROM unnest(classes) AS c
    WHERE NOT EXISTS (SELECT FROM release_mgmt.ci_class AS k WHERE k.name = c AND k.source IS NOT NULL);
    IF unknown IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('audit "%s" can not be announced', code),
            format('These are no bound classes: %s.', unknown), 'Classes are the rows of release_mgmt.ci_class.');
    END IF;
    INSERT INTO release_mgmt.ci_audit (code, classes, size, announced_by, announced_at, transaction_id)
    VALUES (code, coalesce(classes, ARRAY(SELECT k.name FROM release_mgmt.ci_class AS k WHERE k.source IS NOT NULL ORDER BY k.name)), size, acting, now(),
            release_mgmt_internal.current_transaction());
END $$;
COMMENT ON PROCEDURE release_mgmt.announce_ci_audit(text, integer, text[]) IS
'Announces a configuration audit of that code, for good. size: how many items it draws; classes: bound classes, all where none are given. Which items draw_ci_audit() draws is settled with the commit. Errors: RM002 unknown class, RM003 without the duty change manager or release manager, RM015 the code stands for another audit.';
SELECT release_mgmt_internal.allow('{change manager,release manager}', 'EXECUTE', 'PROCEDURE release_mgmt.announce_ci_audit(text, integer, text[])');

CREATE FUNCTION release_mgmt.draw_ci_audit(code text, seed text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    acting uuid := release_mgmt_internal.require_duty('change manager', 'release manager');
    audit release_mgmt.ci_audit;
    problem text;
    hint text;
    drawn bigint;
BEGIN
    SELECT * INTO audit FROM release_mgmt.ci_audit AS a WHERE a.code = code FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('audit "%s" does not exist', code), NULL, 'Announce it with release_mgmt.announce_ci_audit().');
    ELSIF audit.drawn_at IS NOT NULL AND (seed IS NULL OR seed = audit.seed) THEN
        RETURN (SELECT count(*) FROM release_mgmt.ci_audit_item AS i WHERE i.audit_id = audit.id);
    ELSIF audit.drawn_at IS NOT NULL THEN
        problem := 'It was drawn by another seed.';
        hint := 'A draw stands. Announce another audit.';
    ELSIF audit.announced_by <> acting THEN
        problem := format('It was announced by %s, from whose items it draws.', (SELECT p.code FROM release_mgmt.person AS p WHERE p.id = audit.announced_by));
        hint := 'Let that person draw it, or announce another audit.';
    ELSIF audit.transaction_id = release_mgmt_internal.current_transaction() THEN
        problem := 'It was announced in this transaction, whose leaf in the ledger is the seed.';
        hint := 'Commit first.';
    ELSIF seed = '' THEN
        problem := 'The seed is empty.';
        hint := 'Give a seed, or none.';
    END IF;
    IF problem IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('audit "%s" can not be drawn', code), problem, hint);
    END IF;
    audit.is_given := seed IS NOT NULL;
    -- RFC 6962 section 2.1.
    audit.seed := coalesce(seed, (SELECT encode(sha256('\x00' || l.entry), 'hex') FROM release_mgmt_internal.transaction_leaf AS l WHERE l.transaction_id = audit.transaction_id));
    WITH lot AS (
        SELECT i.id, row_number() OVER (ORDER BY sha256(convert_to(audit.seed || E'\n' || i.label, 'UTF8')), i.id) AS ordinal, count(*) OVER () AS population
        FROM release_mgmt.ci AS i
        -- What came since the seed is known is none of it.
        WHERE i.class = ANY (audit.classes) AND i.retired_at IS NULL AND i.id < audit.id
          AND (i.organization_id IS NULL OR release_mgmt_internal.may_see(i.organization_id, 'organization'))
    ), taken AS (
        INSERT INTO release_mgmt.ci_audit_item (audit_id, ci_id, ordinal) SELECT audit.id, l.id, l.ordinal FROM lot AS l WHERE l.ordinal <= audit.size
    )
    SELECT max(l.population), count(*) FILTER (WHERE l.ordinal <= audit.size) INTO audit.population, drawn FROM lot AS l;
    IF drawn = 0 THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('audit "%s" can not be drawn', code), 'There is no item to draw from.',
            'Announce one of classes that have items: SELECT class, count(*) FROM release_mgmt.ci GROUP BY class.');
    END IF;
    UPDATE release_mgmt.ci_audit AS a SET seed = audit.seed, is_given = audit.is_given, population = audit.population, drawn_at = now() WHERE a.id = audit.id;
    RETURN drawn;
END $$;
COMMENT ON FUNCTION release_mgmt.draw_ci_audit(text, text) IS
'Draws the items of an audit that was announced, in another transaction: those that come first in the order of SHA-256 over seed, newline and label, of the items that were there when it was announced and still are, among those that the acting person sees, who announced it. seed: the leaf of the transaction that announced it (RFC 6962 section 2.1, in hexadecimal digits), which nobody knew before; or any text that is given, which is kept as given. Returns how many were drawn, fewer than announced where there are not as many. Errors: RM002 no such audit, RM003 without the duty change manager or release manager, RM015 it can not be drawn: announced in this transaction or by somebody else, drawn by another seed, or there is no item.';
SELECT release_mgmt_internal.allow('{change manager,release manager}', 'EXECUTE', 'FUNCTION release_mgmt.draw_ci_audit(text, text)');

CREATE FUNCTION release_mgmt.ci_audit_entry(audit text) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT convert_from(l.entry, 'UTF8') FROM release_mgmt.ci_audit AS a JOIN release_mgmt_internal.transaction_leaf AS l ON l.transaction_id = a.transaction_id
    WHERE a.code = ci_audit_entry.audit;
END;
COMMENT ON FUNCTION release_mgmt.ci_audit_entry(text) IS
'The entry of the ledger whose leaf, SHA-256 over a zero byte and the entry, is the seed of an audit: that of the transaction which announced it. NULL where there is none of that code, or the transaction has not committed.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.ci_audit_entry(text)');

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
WITH sample AS MATERIALIZED (
    SELECT s.audit, count(*) AS sampled,
           count(*) FILTER (WHERE s.status <> 'awaiting') AS examined,
           count(*) FILTER (WHERE s.status = 'matches') AS matching,
           count(*) FILTER (WHERE s.status = 'differs') AS differing,
           count(*) FILTER (WHERE s.status = 'not found') AS not_found
    FROM release_mgmt.ci_audit_sample AS s GROUP BY s.audit
)
SELECT a.code AS audit, p.code AS announced_by, a.announced_at, a.drawn_at, a.is_given AS seed_given, a.size, a.population, coalesce(s.sampled, 0) AS sampled,
       coalesce(s.examined, 0) AS examined, coalesce(s.matching, 0) AS matching, coalesce(s.differing, 0) AS differing, coalesce(s.not_found, 0) AS not_found,
       CASE WHEN s.examined = s.sampled THEN round(100.0 * s.matching / s.sampled, 1) END AS accuracy_percent,
       coalesce(c.planned, 0) AS corrections, coalesce(c.done, 0) AS corrections_done,
       (SELECT count(*) FROM release_mgmt.ci_audit AS o LEFT JOIN sample AS u ON u.audit = o.code
        WHERE o.id < a.id AND o.classes && a.classes AND (o.drawn_at IS NULL OR u.examined < u.sampled)) AS unfinished_before
FROM release_mgmt.ci_audit AS a
LEFT JOIN sample AS s ON s.audit = a.code
LEFT JOIN release_mgmt.person AS p ON p.id = a.announced_by
LEFT JOIN LATERAL (
    SELECT count(*) AS planned, count(k.done_at) AS done
    FROM release_mgmt.ci_audit_item AS x JOIN release_mgmt.ci_correction AS k ON k.item_id = x.id WHERE x.audit_id = a.id) AS c ON true;
COMMENT ON VIEW release_mgmt.ci_audit_result IS
'What each audit found. accuracy_percent: matching / sampled, NULL until every item drawn was looked at. seed_given: who drew it gave the seed; NULL: not drawn yet. unfinished_before: audits of any of its classes that were announced before it and not examined to the end, as by somebody who looks for a sample that he likes.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.ci_audit_result');
