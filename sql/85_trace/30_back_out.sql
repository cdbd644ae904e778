-- Module trace, third part: exact back-out of what a release changed in the CMDB.
--
-- What is restored comes from the ledger, the row images captured when the release made its changes, and not from the plan.
-- A back-out first writes down each restoration, then makes it through the guard, which permits exactly those.

CREATE TABLE release_mgmt.ci_back_out (
    id             uuid DEFAULT release_mgmt.new_id(),
    release_id     uuid NOT NULL,
    target         text,
    transaction_id uuid NOT NULL,
    person_id      uuid NOT NULL,
    CONSTRAINT ci_back_out_pkey PRIMARY KEY (id),
    CONSTRAINT ci_back_out_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT ci_back_out_person_id_fkey FOREIGN KEY (person_id) REFERENCES release_mgmt.person
);
COMMENT ON TABLE release_mgmt.ci_back_out IS 'Back-outs of CMDB changes: which release, on which target (NULL: all), by whom. Written by back_out_ci_changes().';
CREATE INDEX ci_back_out_release_id_idx ON release_mgmt.ci_back_out (release_id);
CREATE INDEX ci_back_out_transaction_id_idx ON release_mgmt.ci_back_out (transaction_id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ci_back_out', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.ci_back_out');
SELECT release_mgmt_internal.belongs('release_mgmt.ci_back_out', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.ci_back_out');

CREATE TABLE release_mgmt.ci_restoration (
    id          uuid DEFAULT release_mgmt.new_id(),
    back_out_id uuid NOT NULL,
    ci          text NOT NULL,
    operation   text NOT NULL,
    attribute   text,
    old_value   text,
    new_value   text,
    CONSTRAINT ci_restoration_pkey PRIMARY KEY (id),
    CONSTRAINT ci_restoration_back_out_id_fkey FOREIGN KEY (back_out_id) REFERENCES release_mgmt.ci_back_out,
    CONSTRAINT ci_restoration_operation_check CHECK (operation IN ('create', 'change', 'retire'))
);
COMMENT ON TABLE release_mgmt.ci_restoration IS 'What each back-out restores: which attribute of which item, from which value (what the release made) to which (what was there before).';
COMMENT ON COLUMN release_mgmt.ci_restoration.attribute IS 'NULL: the item as such, created again or retired';
CREATE INDEX ci_restoration_back_out_id_idx ON release_mgmt.ci_restoration (back_out_id, ci);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ci_restoration', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.ci_restoration');
SELECT release_mgmt_internal.belongs('release_mgmt.ci_restoration', through => 'back_out_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.ci_restoration');

CREATE FUNCTION release_mgmt_internal.restored_by_back_out(ci text, operation text, attribute text, old_value text, new_value text) RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    RETURN (
        SELECT s.id
        FROM release_mgmt.ci_back_out AS b
        JOIN release_mgmt.ci_restoration AS s ON s.back_out_id = b.id
        WHERE b.transaction_id = release_mgmt_internal.current_transaction()
          AND s.ci = restored_by_back_out.ci AND s.operation = restored_by_back_out.operation
          AND s.attribute IS NOT DISTINCT FROM restored_by_back_out.attribute
          AND s.old_value IS NOT DISTINCT FROM restored_by_back_out.old_value
          AND s.new_value IS NOT DISTINCT FROM restored_by_back_out.new_value
        LIMIT 1);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.restored_by_back_out(text, text, text, text, text) IS
'Check at the point ci_change: the restoration that the back-out running in this transaction has written down for exactly this change, or NULL.';
SELECT release_mgmt_internal.register_check('restored_by_back_out', 'ci_change', 'release_mgmt_internal.restored_by_back_out',
    'the change restores what was there before a release that is being backed out');

-- What a release changed and no back-out has restored since. One row for each attribute, or for the item as such.
CREATE FUNCTION release_mgmt_internal.standing_changes(release uuid, target text DEFAULT NULL)
RETURNS TABLE (ci_id uuid, ci text, operation text, attribute text, first_transaction uuid, last_transaction uuid, last_permit uuid, new_value text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
BEGIN ATOMIC
    WITH made AS (
        SELECT p.id, p.ci_id, p.operation, p.attribute, p.transaction_id, x.new_value
        FROM release_mgmt.planned_ci_change AS x
        JOIN release_mgmt.ci_change_permit AS p ON p.permitted_by = x.id
        WHERE x.release_id = standing_changes.release AND (standing_changes.target IS NULL OR x.target = standing_changes.target)
    ), restored AS (
        SELECT p.ci_id, p.operation, p.attribute, pg_catalog.max(p.id::text)::uuid AS last_permit
        FROM release_mgmt.ci_back_out AS b
        JOIN release_mgmt.ci_restoration AS s ON s.back_out_id = b.id
        JOIN release_mgmt.ci_change_permit AS p ON p.permitted_by = s.id
        WHERE b.release_id = standing_changes.release
        GROUP BY p.ci_id, p.operation, p.attribute
    )
    SELECT m.ci_id, i.label, m.operation, m.attribute,
           (pg_catalog.array_agg(m.transaction_id ORDER BY m.id))[1],
           (pg_catalog.array_agg(m.transaction_id ORDER BY m.id DESC))[1],
           pg_catalog.max(m.id::text)::uuid,
           (pg_catalog.array_agg(m.new_value ORDER BY m.id DESC))[1]
    FROM made AS m
    JOIN release_mgmt.ci AS i ON i.id = m.ci_id
    WHERE NOT EXISTS (
        SELECT FROM restored AS r
        WHERE r.ci_id = m.ci_id AND r.last_permit > m.id
          AND CASE m.operation WHEN 'create' THEN r.operation = 'retire'
                               WHEN 'retire' THEN r.operation = 'create' AND r.attribute IS NULL
                               ELSE r.operation = 'change' AND r.attribute = m.attribute END)
    GROUP BY m.ci_id, i.label, m.operation, m.attribute;
END;
COMMENT ON FUNCTION release_mgmt_internal.standing_changes(uuid, text) IS
'What a release changed, on one target or all, and no back-out has restored since; with the first and the last transaction that made the change.';

-- The old values of the item's row that its history holds for one transaction, as value_text() writes them.
CREATE FUNCTION release_mgmt_internal.values_before(ci text, source regclass, in_transaction uuid, operations text[]) RETURNS TABLE (attribute text, value text)
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT DISTINCT ON (o.key) o.key, CASE WHEN o.value IS NOT NULL THEN release_mgmt_internal.canonical_value(source, o.key, o.value) END
    FROM release_mgmt.history_of(source, pg_catalog.substr(ci, pg_catalog.length(pg_catalog.split_part(ci, '/', 1)) + 2)) AS h
    CROSS JOIN LATERAL pg_catalog.jsonb_each_text(h.old) AS o
    WHERE h.transaction_id = in_transaction AND h.operation = ANY (operations)
    ORDER BY o.key, h.seq;
END;
COMMENT ON FUNCTION release_mgmt_internal.values_before(text, regclass, uuid, text[]) IS
'What the columns of an item''s row held before a transaction changed them for the first time.';

CREATE FUNCTION release_mgmt_internal.plan_back_out(release uuid, target text, OUT restorations release_mgmt.ci_restoration[], OUT conflict text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    standing record;
    later record;
    present text;
    before text;
    conflicts text[] := '{}';
BEGIN
    restorations := '{}';
    FOR standing IN
        SELECT s.*, c.source, c.exempt, i.key, i.retired_at IS NOT NULL AS retired
        FROM release_mgmt_internal.standing_changes(release, target) AS s
        JOIN release_mgmt.ci AS i ON i.id = s.ci_id
        JOIN release_mgmt.ci_class AS c ON c.name = i.class
        WHERE s.operation = 'change' OR s.attribute IS NULL
        ORDER BY s.ci COLLATE "C", s.attribute COLLATE "C" NULLS FIRST
    LOOP
        IF standing.source IS NULL THEN
            conflicts := conflicts || format('%s: its class is bound to no table.', standing.ci);
            CONTINUE;
        END IF;
        -- Later work on the same columns, whoever did it, and whether or not it led to the same value.
        FOR later IN
            WITH history AS MATERIALIZED (
                SELECT h.*, row_number() OVER () AS n FROM release_mgmt.history_of(standing.source, standing.key) AS h)
            SELECT h.operation, h.role, coalesce(k.attribute, '') AS attribute, h.changed -> k.attribute ->> 'new' AS value
            FROM history AS h
            LEFT JOIN LATERAL jsonb_object_keys(h.changed) AS k (attribute) ON h.operation = 'update'
            WHERE h.n < coalesce((SELECT min(o.n) FROM history AS o WHERE o.transaction_id = standing.last_transaction), 1 + (SELECT count(*) FROM history))
              AND CASE WHEN standing.operation = 'change' THEN h.operation = 'delete' OR k.attribute = standing.attribute
                       ELSE h.operation IN ('insert', 'delete') OR k.attribute <> ALL (standing.exempt) END
            ORDER BY h.n DESC
        LOOP
            conflicts := conflicts || CASE later.operation
                WHEN 'update' THEN format('%s %s: changed to %s by %s after the release.', standing.ci, later.attribute, coalesce(quote_literal(later.value), 'NULL'), later.role)
                ELSE format('%s: %sd by %s after the release.', standing.ci, CASE later.operation WHEN 'insert' THEN 'create' ELSE 'retire' END, later.role) END;
        END LOOP;
        IF standing.operation = 'change' AND NOT standing.retired THEN
            present := release_mgmt.ci_attribute(standing.ci, standing.attribute);
            IF NOT release_mgmt_internal.same_value(standing.ci, standing.attribute, standing.new_value, present)
               AND NOT conflicts && ARRAY(SELECT c FROM unnest(conflicts) AS c WHERE starts_with(c, standing.ci || ' ' || standing.attribute || ':')) THEN
                conflicts := conflicts || format('%s %s: is %s, the release left it as %s.', standing.ci, standing.attribute,
                    coalesce(quote_literal(present), 'NULL'), coalesce(quote_literal(standing.new_value), 'NULL'));
            END IF;
            SELECT v.value INTO before FROM release_mgmt_internal.values_before(standing.ci, standing.source, standing.first_transaction, '{update}') AS v
            WHERE v.attribute = standing.attribute;
            IF NOT FOUND THEN
                conflicts := conflicts || format('%s %s: what it was before is not under this key in the ledger.', standing.ci, standing.attribute);
            END IF;
            restorations := restorations || (NULL, NULL, standing.ci, 'change', standing.attribute, present, before)::release_mgmt.ci_restoration;
        ELSIF standing.operation = 'create' THEN
            restorations := restorations || (NULL, NULL, standing.ci, 'retire', NULL, NULL, NULL)::release_mgmt.ci_restoration;
        ELSIF standing.operation = 'retire' THEN
            restorations := restorations || (NULL, NULL, standing.ci, 'create', NULL, NULL, NULL)::release_mgmt.ci_restoration || ARRAY(
                SELECT (NULL, NULL, standing.ci, 'create', v.attribute, NULL, v.value)::release_mgmt.ci_restoration
                FROM release_mgmt_internal.values_before(standing.ci, standing.source, standing.last_transaction, '{delete}') AS v);
        END IF;
    END LOOP;
    conflict := nullif(array_to_string(conflicts, E'\n'), '');
END $$;
COMMENT ON FUNCTION release_mgmt_internal.plan_back_out(uuid, text) IS
'What a back-out restores, and every conflict with later work, one line each, or NULL. Writes nothing: reading the history of a row writes out what the transaction has captured, and would read it again for the next.';

-- jit off, here and in drift() and trace_ci(): compiling costs more than all of the work.
CREATE FUNCTION release_mgmt_internal.restore_ci_changes(release uuid, target text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off AS $$
#variable_conflict use_variable
DECLARE
    of_release record;
    back_out uuid;
    restorations release_mgmt.ci_restoration[];
    conflicts text;
    item record;
    items bigint := 0;
BEGIN
    SELECT r.code, r.state, s.kind INTO STRICT of_release
    FROM release_mgmt.release AS r JOIN release_mgmt.model_state AS s ON s.model_id = r.model_id AND s.state = r.state
    WHERE r.id = release FOR NO KEY UPDATE OF r;
    IF NOT EXISTS (SELECT FROM release_mgmt_internal.standing_changes(release, target)) THEN
        RETURN 0;
    END IF;
    IF of_release.kind = 'ended' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" can not be backed out any more', of_release.code),
            format('It is %s.', of_release.state), 'Plan a release that changes back what this one changed.');
    END IF;
    SELECT p.restorations, p.conflict INTO restorations, conflicts FROM release_mgmt_internal.plan_back_out(release, target) AS p;
    IF conflicts IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('back_out_conflict', format('release "%s" can not be backed out%s', of_release.code, coalesce(' of ' || target, '')),
            conflicts, 'Later work stands on these. Undo it first, or plan a release that goes forward; SELECT * FROM release_mgmt.trace_ci(item) tells who and why.');
    END IF;
    INSERT INTO release_mgmt.ci_back_out (release_id, target, transaction_id, person_id)
    VALUES (release, target, release_mgmt_internal.current_transaction(), release_mgmt_internal.acting_person())
    RETURNING id INTO back_out;
    INSERT INTO release_mgmt.ci_restoration (back_out_id, ci, operation, attribute, old_value, new_value)
    SELECT back_out, s.ci, s.operation, s.attribute, s.old_value, s.new_value FROM unnest(restorations) AS s;
    -- Against the order in which an installation writes them.
    FOR item IN
        SELECT s.ci, s.operation, coalesce(jsonb_object_agg(s.attribute, s.new_value) FILTER (WHERE s.attribute IS NOT NULL), '{}') AS new_values
        FROM release_mgmt.ci_restoration AS s WHERE s.back_out_id = back_out
        GROUP BY s.ci, s.operation
        ORDER BY array_position('{create,change,retire}'::text[], s.operation), s.ci COLLATE "C" DESC
    LOOP
        PERFORM release_mgmt_internal.apply_ci_change(item.ci, item.operation, item.new_values);
        items := items + 1;
    END LOOP;
    RETURN items;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.restore_ci_changes(uuid, text) IS
'What back_out_ci_changes() does, without asking who acts; also the answer at the point back_out, where rollout asks for one target.';
SELECT release_mgmt_internal.register_check('restore_ci_changes', 'back_out', 'release_mgmt_internal.restore_ci_changes',
    'the rows of the CMDB are as they were before the release');

-- SECURITY DEFINER: restores rows on behalf of a person who may not write the tables.
CREATE FUNCTION release_mgmt.back_out_ci_changes(release text, target text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.require_duty('release manager', 'change manager', 'operator');
    PERFORM release_mgmt_internal.require_duty_for(release_mgmt.release_id(back_out_ci_changes.release), 'release manager', 'change manager', 'operator');
    RETURN release_mgmt_internal.restore_ci_changes(release_mgmt.release_id(back_out_ci_changes.release), back_out_ci_changes.target);
END $$;
COMMENT ON FUNCTION release_mgmt.back_out_ci_changes(text, text) IS
'Restores what a release changed in the CMDB, on one target (a label class/key) or all, from the row images that the ledger captured: changed attributes get their former values, items that it created are deleted, items that it deleted come back with every column. Columns that it did not plan are left alone. Returns the number of items restored; 0 where nothing of the release stands, so that repeating it does no harm. Windows do not stand in its way. Errors: RM002 unknown release, RM003 without one of the duties release manager, change manager, operator, RM015 the release has ended, RM016 later work touched the same columns, every conflict listed; then nothing is done.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator}', 'EXECUTE', 'FUNCTION release_mgmt.back_out_ci_changes(text, text)');
