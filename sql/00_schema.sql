-- Schemas and the way to refuse. Everything public lives in release_mgmt, everything else in release_mgmt_internal.
\echo Use "CREATE EXTENSION release_mgmt CASCADE" to load this file. \quit

CREATE SCHEMA release_mgmt_internal;
COMMENT ON SCHEMA release_mgmt_internal IS 'Internals of the extension release_mgmt; granted to nobody.';
REVOKE ALL ON SCHEMA release_mgmt, release_mgmt_internal FROM PUBLIC;

CREATE FUNCTION release_mgmt_internal.refuse(condition text, message text, detail text DEFAULT NULL, hint text DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_refuse';
COMMENT ON FUNCTION release_mgmt_internal.refuse(text, text, text, text) IS
'Raises the error named by condition (src/errcodes.h: inactive, unknown_code, duty_missing, ...) with message, detail and hint. Never returns.';

-- What a duty's grant brings. Each module says beside its objects who needs them; grant_duty() of the module party issues the grants.
CREATE TABLE release_mgmt_internal.duty_privilege (
    duty      text NOT NULL,
    privilege text NOT NULL,
    object    text NOT NULL,
    CONSTRAINT duty_privilege_pkey PRIMARY KEY (duty, privilege, object)
);
COMMENT ON TABLE release_mgmt_internal.duty_privilege IS
'Which SQL privilege on which object comes with a duty; duty * stands for every duty, PUBLIC for everybody. Written by the install script alone.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt_internal.duty_privilege', 'WHERE false');

CREATE FUNCTION release_mgmt_internal.allow(duties text[], privileges text, object text)
RETURNS void LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- An object that does not exist fails here, when the extension is installed, and not at somebody's first grant.
    IF object ~ '^(FUNCTION|PROCEDURE) ' THEN
        PERFORM pg_catalog.regexp_replace(object, '^\w+ ', '')::pg_catalog.regprocedure;
    ELSE
        PERFORM object::pg_catalog.regclass;
    END IF;
    INSERT INTO release_mgmt_internal.duty_privilege
    SELECT d, privileges, object FROM pg_catalog.unnest(duties) AS d;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.allow(text[], text, text) IS
'Says that each of the duties brings the privileges ("SELECT, INSERT", "EXECUTE") on the object: a table or view by its qualified name, or "FUNCTION f(argument types)", "PROCEDURE p(argument types)".';

-- To whom the rows of a table belong. Each module says beside its tables; sql/95_row_security.sql makes the policies of it.
CREATE TABLE release_mgmt_internal.belonging (
    relation            text,
    release_column      text,
    organization_columns text[] NOT NULL,
    through_column      text,
    sees                text,
    writes              text,
    shared_because      text,
    CONSTRAINT belonging_pkey PRIMARY KEY (relation),
    CONSTRAINT belonging_stated_check CHECK
        (num_nonnulls(release_column, nullif(organization_columns, '{}'), through_column, sees) > 0 AND shared_because IS NULL OR shared_because <> '')
);
COMMENT ON TABLE release_mgmt_internal.belonging IS
'How each table belongs to a release or an organization, from which its row-level security follows; or why everybody reads all of it. Written by the install script alone.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt_internal.belonging', 'WHERE false');

CREATE FUNCTION release_mgmt_internal.belongs(relation text, release text DEFAULT NULL, organizations text[] DEFAULT '{}', through text DEFAULT NULL,
                                              sees text DEFAULT NULL, writes text DEFAULT NULL)
RETURNS void LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    INSERT INTO release_mgmt_internal.belonging (relation, release_column, organization_columns, through_column, sees, writes)
    SELECT pg_catalog.format('%I.%I', c.relnamespace::pg_catalog.regnamespace, c.relname), release, organizations, through, sees, writes
    FROM pg_catalog.pg_class AS c WHERE c.oid = relation::pg_catalog.regclass;
END;
COMMENT ON FUNCTION release_mgmt_internal.belongs(text, text, text[], text, text, text) IS
'Says to whom the rows of a table belong. release: the column with the release''s id; organizations: columns with organizations'' ids, of which the first is the one that a row speaks for; through: a column with a foreign key to a table that is declared itself, with whose row each row goes. release and organizations together: the organizations named in the row see it, and those who serve the release. sees: a condition in place of all that; writes: the column with the organization that an inserted row speaks for, where no release is there yet.';

CREATE FUNCTION release_mgmt_internal.is_shared(relation text, because text)
RETURNS void LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    INSERT INTO release_mgmt_internal.belonging (relation, organization_columns, shared_because)
    SELECT pg_catalog.format('%I.%I', c.relnamespace::pg_catalog.regnamespace, c.relname), '{}', because
    FROM pg_catalog.pg_class AS c WHERE c.oid = relation::pg_catalog.regclass;
END;
COMMENT ON FUNCTION release_mgmt_internal.is_shared(text, text) IS 'Says that everybody with a duty reads all rows of a table, and why.';

CREATE TABLE release_mgmt_internal.party_source (
    relation            text,
    release_column      text NOT NULL,
    organization_column text,
    part                text NOT NULL,
    CONSTRAINT party_source_pkey PRIMARY KEY (relation, organization_column),
    CONSTRAINT party_source_part_check CHECK (part IN ('serves', 'receives', 'supports'))
);
COMMENT ON TABLE release_mgmt_internal.party_source IS
'Which columns make an organization a party to a release: the one that serves it, those that receive it, those that give or need support for it. Written by the install script alone.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt_internal.party_source', 'WHERE false');

CREATE FUNCTION release_mgmt_internal.makes_party(relation text, release text, organization text, part text)
RETURNS void LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    INSERT INTO release_mgmt_internal.party_source (relation, release_column, organization_column, part)
    SELECT pg_catalog.format('%I.%I', c.relnamespace::pg_catalog.regnamespace, c.relname), release, organization, part
    FROM pg_catalog.pg_class AS c WHERE c.oid = relation::pg_catalog.regclass;
END;
COMMENT ON FUNCTION release_mgmt_internal.makes_party(text, text, text, text) IS
'Says that a row of the table makes the organization in one column a party to the release in another. part: serves, receives or supports.';
