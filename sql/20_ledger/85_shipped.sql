-- Module ledger: what the extension shipped, so that verification finds a rule that was altered, switched off or dropped.

CREATE TABLE release_mgmt_internal.shipped_object (
    kind         text,
    identity     text,
    digest       release_mgmt.digest NOT NULL,
    deparsed     release_mgmt.digest NOT NULL,
    server_major integer NOT NULL DEFAULT pg_catalog.current_setting('server_version_num')::integer / 10000,
    CONSTRAINT shipped_object_pkey PRIMARY KEY (kind, identity)
);
COMMENT ON TABLE release_mgmt_internal.shipped_object IS
'Digests of each function, view, trigger, policy and event trigger of the extension, of each table''s row security, and of who verifies, as it was installed. Written at the end of the install script; a restore installs the extension, and this with it.';
COMMENT ON COLUMN release_mgmt_internal.shipped_object.digest IS 'Of what the catalog holds as it was given: the same in every version of the server';
COMMENT ON COLUMN release_mgmt_internal.shipped_object.deparsed IS
'Of the definition as the server writes it, bodies and conditions that it has parsed included; compared under the same major version only';
COMMENT ON COLUMN release_mgmt_internal.shipped_object.server_major IS 'Major version of the server that wrote the definition: pg_upgrade brings the table into the next';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt_internal.shipped_object', 'WHERE false');

CREATE FUNCTION release_mgmt_internal.present_objects()
RETURNS TABLE (kind text, identity text, digest release_mgmt.digest, deparsed release_mgmt.digest)
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC' SET datestyle = 'ISO' SET intervalstyle = 'postgres' SET bytea_output = 'hex' SET quote_all_identifiers = off SET standard_conforming_strings = on
BEGIN ATOMIC
    WITH member AS (
        SELECT d.classid, d.objid
        FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
        WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'release_mgmt'
    ), definition AS (
        SELECT 'function' AS kind, p.oid::regprocedure::text AS identity,
               concat_ws(' ', l.lanname, p.prokind, p.prosrc, p.probin, p.prosecdef, p.proleakproof, p.proisstrict, p.proretset, p.provolatile, p.proparallel,
                         format_type(p.prorettype, NULL), p.proargnames, p.proconfig) AS given,
               pg_get_functiondef(p.oid) AS written
        FROM member AS m JOIN pg_proc AS p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid JOIN pg_language AS l ON l.oid = p.prolang
        -- A range type's constructors are its own; one that was replaced is not, and shows as added.
        WHERE p.prokind IN ('f', 'p')
          AND NOT EXISTS (SELECT FROM pg_depend AS i
                          WHERE i.classid = 'pg_proc'::regclass AND i.objid = p.oid AND i.refclassid = 'pg_type'::regclass AND i.deptype = 'i')
        UNION ALL
        SELECT 'view', c.oid::regclass::text,
               concat_ws(' ', c.reloptions, (SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum)
                                             FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0)),
               pg_get_viewdef(c.oid)
        FROM member AS m JOIN pg_class AS c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
        WHERE c.relkind = 'v'
        UNION ALL
        SELECT 'trigger', format('%s on %s', t.tgname, c.oid::regclass),
               concat_ws(' ', t.tgfoid::regprocedure, t.tgtype, t.tgenabled, t.tgdeferrable, t.tgattr, encode(t.tgargs, 'hex'), t.tgqual IS NULL),
               pg_get_triggerdef(t.oid)
        FROM member AS m JOIN pg_class AS c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
        JOIN pg_trigger AS t ON t.tgrelid = c.oid AND NOT t.tgisinternal
        UNION ALL
        SELECT 'policy', format('%s on %s', y.polname, c.oid::regclass),
               concat_ws(' ', y.polcmd, y.polpermissive, y.polroles, y.polqual IS NULL, y.polwithcheck IS NULL),
               concat_ws(' ', pg_get_expr(y.polqual, y.polrelid), pg_get_expr(y.polwithcheck, y.polrelid))
        FROM member AS m JOIN pg_class AS c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
        JOIN pg_policy AS y ON y.polrelid = c.oid
        UNION ALL
        SELECT 'row security', c.oid::regclass::text, concat_ws(' ', c.relrowsecurity, c.relforcerowsecurity), ''
        FROM member AS m JOIN pg_class AS c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
        WHERE c.relkind IN ('r', 'p')
        UNION ALL
        SELECT 'event trigger', v.evtname, format('%s %s %s %s', v.evtevent, v.evtfoid::regprocedure, v.evttags, v.evtenabled), ''
        FROM member AS m JOIN pg_event_trigger AS v ON m.classid = 'pg_event_trigger'::regclass AND v.oid = m.objid
        -- The ledger's own are verify_registry()'s.
        WHERE v.evtname NOT LIKE 'rm\_ledger\_%'
        UNION ALL
        SELECT 'verifier', f.function_name, '', '' FROM release_mgmt_internal.verifier AS f
    )
    SELECT d.kind, d.identity, release_mgmt.compute_digest(convert_to(d.given, 'UTF8')), release_mgmt.compute_digest(convert_to(d.written, 'UTF8'))
    FROM definition AS d;
END;
COMMENT ON FUNCTION release_mgmt_internal.present_objects() IS
'Digests of each function, view, trigger (with whether it is enabled), policy and event trigger of the extension, of whether each table has row security, and of who verifies, as it is now; columns as in shipped_object.';

CREATE FUNCTION release_mgmt_internal.record_deparsed() RETURNS integer
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH recorded AS (
        UPDATE release_mgmt_internal.shipped_object AS s
        SET deparsed = p.deparsed, server_major = pg_catalog.current_setting('server_version_num')::integer / 10000
        FROM release_mgmt_internal.present_objects() AS p
        WHERE p.kind = s.kind AND p.identity = s.identity AND s.server_major <> pg_catalog.current_setting('server_version_num')::integer / 10000
        RETURNING s.identity
    )
    SELECT pg_catalog.count(*)::integer FROM recorded;
END;
COMMENT ON FUNCTION release_mgmt_internal.record_deparsed() IS
'After pg_upgrade to another major version: takes definitions as this version writes them. Returns how many; 0 where the version is the same.';

CREATE FUNCTION release_mgmt_internal.verify_shipped()
RETURNS TABLE (finding text, log_index bigint, source text, key text, expected text, found text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(s.kind, p.kind) || CASE WHEN p.kind IS NULL THEN ' missing' WHEN s.kind IS NULL THEN ' added' ELSE ' altered' END,
           NULL::bigint, NULL::text, coalesce(s.identity, p.identity), d.expected::text, d.found::text
    FROM release_mgmt_internal.shipped_object AS s
    FULL JOIN release_mgmt_internal.present_objects() AS p ON p.kind = s.kind AND p.identity = s.identity
    CROSS JOIN LATERAL (
        SELECT CASE WHEN s.digest = p.digest THEN s.deparsed ELSE s.digest END AS expected,
               CASE WHEN s.digest = p.digest THEN p.deparsed ELSE p.digest END AS found) AS d
    WHERE (s.digest::text IS DISTINCT FROM p.digest::text
           OR s.server_major = pg_catalog.current_setting('server_version_num')::integer / 10000 AND s.deparsed <> p.deparsed)
      -- What verify_triggers() says in more detail is not said twice.
      AND NOT EXISTS (SELECT FROM release_mgmt_internal.verify_triggers() AS t WHERE t.key = coalesce(s.identity, p.identity))
    UNION ALL
    -- The extension's other triggers on the customer's tables: whatever they are, they fire always.
    SELECT 'trigger disabled', NULL, m::regclass::text, t.tgname::text, 'ENABLE ALWAYS',
           CASE t.tgenabled WHEN 'O' THEN 'ENABLE' WHEN 'D' THEN 'DISABLE' ELSE 'ENABLE REPLICA' END
    FROM release_mgmt.governed_table AS g
    JOIN pg_catalog.pg_class AS c ON c.oid = g.source
    CROSS JOIN LATERAL release_mgmt_internal.members_of(g.source) AS m
    JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = m AND NOT t.tgisinternal AND t.tgname NOT IN ('rm_10_admit', 'rm_90_capture')
    JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = f.pronamespace AND n.nspname = 'release_mgmt_internal'
    WHERE NOT g.builtin AND t.tgenabled <> 'A'
    ORDER BY 1, 3, 4;
END;
COMMENT ON FUNCTION release_mgmt_internal.verify_shipped() IS
'What the extension shipped and is no longer as it was (parsed bodies only where the server''s major version is that of shipped_object), and its triggers on the customer''s tables that do not fire always. What a superuser altered together with shipped_object is not seen.';
