-- Module party, third part: row-level security. Which organizations a release concerns is told by tables of modules above;
-- they say so with makes_party(), and sql/95_row_security.sql makes the view release_mgmt_internal.party of it.
--
-- The set of what a person sees is computed once for each table of a query that looks at more than a few rows, and then every row is
-- held against it. Owners of the tables are not held against anything (ENABLE, not FORCE): verbs, triggers, gates, capture,
-- verification and pg_dump see all rows.

CREATE FUNCTION release_mgmt_internal.is_beyond_row_security() RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_is_beyond_row_security';
COMMENT ON FUNCTION release_mgmt_internal.is_beyond_row_security() IS
'Does row-level security leave the acting role alone: the tables'' owner, a superuser, a role with BYPASSRLS?';

-- SECURITY DEFINER: what a person sees follows from rows that the person may not see.
CREATE FUNCTION release_mgmt_internal.seen(kind text, expand boolean) RETURNS uuid[]
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.acting_person();
    own uuid[];
    serving uuid[];
BEGIN
    IF release_mgmt_internal.is_beyond_row_security()
       OR EXISTS (SELECT FROM release_mgmt.person_duty AS pd JOIN release_mgmt.organization AS o ON o.id = pd.organization_id
                  WHERE pd.person_id = acting AND (pd.duty = 'auditor' OR o.kind = 'authority')) THEN
        RETURN CASE WHEN NOT expand THEN NULL
                    WHEN kind IN ('own', 'organization') THEN ARRAY(SELECT o.id FROM release_mgmt.organization AS o)
                    ELSE ARRAY(SELECT p.release_id FROM release_mgmt_internal.party AS p WHERE p.part = 'serves') END;
    END IF;
    SELECT coalesce(array_agg(DISTINCT o.id), '{}'), coalesce(array_agg(DISTINCT o.id) FILTER (WHERE o.kind <> 'customer'), '{}')
    INTO own, serving
    FROM release_mgmt.person_duty AS pd JOIN release_mgmt.organization AS o ON o.id = pd.organization_id
    WHERE pd.person_id = acting;
    RETURN CASE kind
        WHEN 'own' THEN own
        WHEN 'served' THEN ARRAY(SELECT p.release_id FROM release_mgmt_internal.party AS p WHERE p.part = 'serves' AND p.organization_id = ANY (own))
        WHEN 'release' THEN ARRAY(SELECT p.release_id FROM release_mgmt_internal.party AS p WHERE p.part IN ('serves', 'receives') AND p.organization_id = ANY (own)
                                  UNION
                                  SELECT p.release_id FROM release_mgmt_internal.party AS p WHERE p.part = 'supports' AND p.organization_id = ANY (serving))
        WHEN 'organization' THEN ARRAY(SELECT unnest(own)
                                       UNION
                                       SELECT c.organization_id
                                       FROM release_mgmt_internal.party AS p JOIN release_mgmt_internal.party AS c ON c.release_id = p.release_id AND c.part = 'receives'
                                       WHERE p.part IN ('serves', 'supports') AND p.organization_id = ANY (serving))
    END;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.seen(text, boolean) IS
'The ids that the acting person sees. kind own: its organizations; organization: these and, for providers and integrators, the customers of the releases that they serve or support; served: releases of its organizations; release: these, those made for its organizations, and those for which its providers and integrators give or need support. An auditor and whoever has a duty in an authority see everything: NULL, or where expand is set all ids.';

CREATE FUNCTION release_mgmt_internal.sees(id uuid, kind text) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid;
    ids uuid[];
BEGIN
    IF kind = 'release' AND NOT release_mgmt_internal.is_beyond_row_security() THEN
        -- Of one release, without a list of all that there are.
        acting := release_mgmt_internal.acting_person();
        RETURN EXISTS (SELECT FROM release_mgmt.person_duty AS pd JOIN release_mgmt.organization AS o ON o.id = pd.organization_id
                       WHERE pd.person_id = acting
                         AND (pd.duty = 'auditor' OR o.kind = 'authority'
                              OR EXISTS (SELECT FROM release_mgmt_internal.party AS p
                                         WHERE p.release_id = sees.id AND p.organization_id = o.id AND (p.part IN ('serves', 'receives') OR o.kind <> 'customer'))));
    END IF;
    ids := release_mgmt_internal.seen(kind, false);
    RETURN ids IS NULL OR id = ANY (ids);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.sees(uuid, text) IS 'Is id among what seen(kind, false) returns now? For the look-ups of verbs, which look for one.';

CREATE FUNCTION release_mgmt_internal.seen_ids(kind text) RETURNS uuid[]
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_seen_ids';
COMMENT ON FUNCTION release_mgmt_internal.seen_ids(text) IS 'What seen(kind, true) returns, asked once per query: the array that an index is searched for.';
CREATE FUNCTION release_mgmt_internal.may_see_support(internal) RETURNS internal
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_may_see_support';
COMMENT ON FUNCTION release_mgmt_internal.may_see_support(internal) IS 'Planner support of may_see(): its selectivity, and the index condition id = ANY (seen_ids(kind)).';
CREATE FUNCTION release_mgmt_internal.may_see(id uuid, kind text) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1 SUPPORT release_mgmt_internal.may_see_support AS 'MODULE_PATHNAME', 'rm_may_see';
COMMENT ON FUNCTION release_mgmt_internal.may_see(uuid, text) IS
'Is id among what seen(kind, false) returns? That is asked once per query. kind is a constant.';

-- SECURITY DEFINER in these too, for the same reason.
CREATE FUNCTION release_mgmt_internal.may_write(release uuid, duties text[]) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.acting_person();
BEGIN
    RETURN EXISTS (SELECT FROM release_mgmt.person_duty AS pd JOIN release_mgmt.organization AS o ON o.id = pd.organization_id
                   WHERE pd.person_id = acting AND pd.duty = ANY (duties)
                     AND (o.kind = 'authority'
                          OR EXISTS (SELECT FROM release_mgmt_internal.party AS p
                                     WHERE p.release_id = may_write.release AND p.organization_id = o.id AND (p.part <> 'supports' OR o.kind <> 'customer'))));
END $$;
COMMENT ON FUNCTION release_mgmt_internal.may_write(uuid, text[]) IS
'Has the acting person one of the duties in an organization that has to do with the release: an authority, its own, a customer of it, a provider or integrator that gives or needs support for it?';

CREATE FUNCTION release_mgmt_internal.may_write_row(release uuid, duties text[]) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_may_write_row';
COMMENT ON FUNCTION release_mgmt_internal.may_write_row(uuid, text[]) IS
'What may_write() returns, for the rows of a query: asked once of rows that follow one another and belong to one release. duties is a constant.';

CREATE FUNCTION release_mgmt_internal.may_write_for(organization uuid, release uuid, duties text[]) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.acting_person();
BEGIN
    RETURN EXISTS (SELECT FROM release_mgmt.person_duty AS pd JOIN release_mgmt.organization AS o ON o.id = pd.organization_id
                   WHERE pd.person_id = acting AND pd.duty = ANY (duties)
                     AND (o.kind = 'authority' OR o.id = organization
                          OR EXISTS (SELECT FROM release_mgmt_internal.party AS p
                                     WHERE p.release_id = may_write_for.release AND p.organization_id = o.id AND p.part = 'serves')));
END $$;
COMMENT ON FUNCTION release_mgmt_internal.may_write_for(uuid, uuid, text[]) IS
'Has the acting person one of the duties in that organization, in the one whose release it is, or in an authority?';

CREATE FUNCTION release_mgmt_internal.may_write_of(organization uuid, duties text[]) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.acting_person();
BEGIN
    RETURN EXISTS (SELECT FROM release_mgmt.person_duty AS pd JOIN release_mgmt.organization AS o ON o.id = pd.organization_id
                   WHERE pd.person_id = acting AND pd.duty = ANY (duties)
                     AND (o.kind = 'authority' OR o.id = organization
                          OR (o.kind <> 'customer'
                              AND (organization IS NULL
                                   OR EXISTS (SELECT FROM release_mgmt_internal.party AS p JOIN release_mgmt_internal.party AS c ON c.release_id = p.release_id
                                              WHERE p.organization_id = o.id AND p.part IN ('serves', 'supports')
                                                AND c.organization_id = may_write_of.organization AND c.part = 'receives')))));
END $$;
COMMENT ON FUNCTION release_mgmt_internal.may_write_of(uuid, text[]) IS
'Has the acting person one of the duties in that organization, in a provider or integrator of a release that is made for it, or in an authority? NULL, what concerns everybody: in any organization but a customer.';

CREATE FUNCTION release_mgmt_internal.require_duty_for(release uuid, VARIADIC duties text[]) RETURNS void
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    IF NOT release_mgmt_internal.may_write(release, duties) THEN
        PERFORM release_mgmt_internal.refuse('duty_missing',
            format('role "%s" does not have the duty that this needs in an organization that the release concerns: %s',
                   release_mgmt_internal.acting_role(), array_to_string(duties, ' or ')),
            format('The release is one of "%s".', (SELECT o.code FROM release_mgmt_internal.party AS p JOIN release_mgmt.organization AS o ON o.id = p.organization_id
                                                   WHERE p.release_id = require_duty_for.release AND p.part = 'serves')),
            'A duty counts for the releases of its organization, for those made for it, and for those that it supports.');
    END IF;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.require_duty_for(uuid, text[]) IS
'RM003 unless the acting person has one of the duties in an organization that has to do with the release: see may_write().';

CREATE FUNCTION release_mgmt_internal.require_duty_for_all(VARIADIC duties text[]) RETURNS void
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    IF NOT release_mgmt_internal.may_write_of(NULL, duties) THEN
        PERFORM release_mgmt_internal.refuse('duty_missing',
            format('role "%s" does not have the duty that this needs in an organization that is no customer: %s', release_mgmt_internal.acting_role(), array_to_string(duties, ' or ')),
            NULL, 'It concerns everybody, and is done by people of a provider, an integrator or the authority.');
    END IF;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.require_duty_for_all(text[]) IS
'RM003 unless the acting person has one of the duties in an organization that is no customer: for what concerns everybody.';

CREATE FUNCTION release_mgmt_internal.acting_organization(VARIADIC duties text[]) RETURNS uuid
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.acting_person();
BEGIN
    RETURN (SELECT o.id FROM release_mgmt.person_duty AS pd JOIN release_mgmt.organization AS o ON o.id = pd.organization_id
            WHERE pd.person_id = acting AND pd.duty = ANY (duties)
            ORDER BY o.kind <> 'provider', NOT o.builtin, o.code COLLATE "C" LIMIT 1);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.acting_organization(text[]) IS
'The organization for which the acting person acts with one of the duties: the shipped provider, else the first provider by code, else the first organization.';

CREATE FUNCTION release_mgmt_internal.own_organization(duties text[]) RETURNS uuid
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(release_mgmt_internal.acting_organization(VARIADIC duties), '019ac000-0001-7000-8000-000000000003'::uuid);
END;
COMMENT ON FUNCTION release_mgmt_internal.own_organization(text[]) IS
'Default of columns that say whose a row is: what acting_organization() says, and the shipped provider for whoever has none of the duties.';

CREATE FUNCTION release_mgmt_internal.own_customer() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.acting_person();
BEGIN
    RETURN (SELECT CASE WHEN count(DISTINCT o.id) = 1 AND bool_and(o.kind = 'customer') THEN (array_agg(o.id))[1] END
            FROM release_mgmt.person_duty AS pd JOIN release_mgmt.organization AS o ON o.id = pd.organization_id WHERE pd.person_id = acting);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.own_customer() IS
'Default of columns that say which customer a row concerns: the one to which the acting person belongs, where it has all its duties there.';

SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.' || f)
FROM unnest('{acting_person(),own_customer(),seen_ids(text)}'::text[] || ARRAY['own_organization(text[])', 'acting_organization(text[])', 'may_see(uuid, text)', 'may_write(uuid, text[])', 'may_write_row(uuid, text[])', 'may_write_for(uuid, uuid, text[])', 'may_write_of(uuid, text[])']) AS f;
