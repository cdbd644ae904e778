-- Module party, fourth part: what a person is told of a release that others share. A check sees all rows of the release and
-- names what it saw; whoever neither serves the release nor is an auditor is told what speaks of its own organizations and of
-- nobody in particular. release_mgmt_internal.names_in() is made by sql/95_row_security.sql, of what the modules said of their
-- tables.

CREATE FUNCTION release_mgmt_internal.as_pattern(names text[]) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    -- A longer name first, since it may begin with a shorter one.
    SELECT '(?<![[:alnum:]])(' || pg_catalog.string_agg(pg_catalog.regexp_replace(n.name, '([^[:alnum:][:space:]])', '\\\1', 'g'), '|' ORDER BY pg_catalog.length(n.name) DESC, n.name)
           || ')(?![[:alnum:]])'
    FROM pg_catalog.unnest(names) AS n(name);
END;
COMMENT ON FUNCTION release_mgmt_internal.as_pattern(text[]) IS 'A regular expression that finds any of the names where it stands as a word; NULL where there are none.';

CREATE FUNCTION release_mgmt_internal.strings_of(evidence jsonb) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.string_agg(s.value #>> '{}', E'\n')
    FROM pg_catalog.jsonb_path_query(evidence, 'strict $.**') AS s(value)
    WHERE pg_catalog.jsonb_typeof(s.value) = 'string';
END;
COMMENT ON FUNCTION release_mgmt_internal.strings_of(jsonb) IS 'Every string in a jsonb value, however deep, a line for each; NULL where there is none.';

-- SECURITY DEFINER from here on, where it is said: what is told follows from rows that the person may not see, and views ask.
CREATE FUNCTION release_mgmt_internal.is_told_everything(release uuid) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    seen_ones uuid[] := release_mgmt_internal.seen('own', false);
BEGIN
    RETURN seen_ones IS NULL
        OR EXISTS (SELECT FROM release_mgmt_internal.party AS p
                   WHERE p.release_id = is_told_everything.release AND p.part = 'serves' AND p.organization_id = ANY (seen_ones));
END $$;
COMMENT ON FUNCTION release_mgmt_internal.is_told_everything(uuid) IS 'Is the acting person an auditor, or one of those who serve the release?';

CREATE FUNCTION release_mgmt_internal.untold_names(release uuid, said text, OUT others text[], OUT own text[])
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    seen_ones uuid[] := release_mgmt_internal.seen('own', false);
BEGIN
    IF said IS NULL OR release_mgmt_internal.is_told_everything(release) THEN
        RETURN;
    END IF;
    SELECT array_agg(n.name) FILTER (WHERE n.is_others), array_agg(n.name) FILTER (WHERE n.is_own AND NOT n.is_others) INTO others, own
    FROM (SELECT x.name, bool_or(x.organizations && seen_ones) AS is_own, bool_or(NOT x.organizations && seen_ones) AS is_others
          FROM release_mgmt_internal.names_in(said, release) AS x GROUP BY x.name) AS n;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.untold_names(uuid, text) IS
'Which names in what is said of a release the acting person is not told, those of other organizations and of their rows, and which ones are its own; NULLs for auditors and those who serve the release, who are told everything.';

CREATE FUNCTION release_mgmt_internal.tell_text(release uuid, said text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    names record;
    others text;
BEGIN
    SELECT * INTO names FROM release_mgmt_internal.untold_names(release, said);
    others := release_mgmt_internal.as_pattern(names.others);
    IF others IS NULL OR said !~ others THEN
        RETURN said;
    END IF;
    -- Of parts that speak of others no word is told, nor of parts that may belong to such a one; a part that names both is told with their names left out.
    RETURN concat_ws('; ',
        (SELECT string_agg(regexp_replace(p.part, others, 'another organization', 'g'), '; ' ORDER BY p.place)
         FROM string_to_table(said, '; ') WITH ORDINALITY AS p(part, place)
         WHERE p.part ~ release_mgmt_internal.as_pattern(names.own)),
        'there is more, which concerns other organizations');
END $$;
COMMENT ON FUNCTION release_mgmt_internal.tell_text(uuid, text) IS
'What the acting person is told of what is said of a release, in parts separated by "; ": all of it, or where it names others, the parts that name its own organizations.';

CREATE FUNCTION release_mgmt_internal.leave_out(evidence jsonb, others text[], others_pattern text, own_pattern text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    kept jsonb;
    left_out bigint;
BEGIN
    CASE jsonb_typeof(evidence)
    WHEN 'string' THEN
        RETURN CASE WHEN evidence #>> '{}' = ANY (others) THEN NULL ELSE to_jsonb(regexp_replace(evidence #>> '{}', others_pattern, 'another organization', 'g')) END;
    WHEN 'array' THEN
        SELECT coalesce(jsonb_agg(p.part ORDER BY p.place) FILTER (WHERE p.part IS NOT NULL), '[]'), count(*) FILTER (WHERE p.part IS NULL) INTO kept, left_out
        FROM (SELECT release_mgmt_internal.leave_out(e.value, others, others_pattern, own_pattern) AS part, e.place
              FROM jsonb_array_elements(evidence) WITH ORDINALITY AS e(value, place)) AS p;
        RETURN CASE WHEN left_out > 0 THEN kept || jsonb_build_object('left_out', left_out) ELSE kept END;
    WHEN 'object' THEN
        -- One row of evidence: what it names itself tells whose it is.
        IF EXISTS (SELECT FROM jsonb_each_text(evidence) AS e WHERE jsonb_typeof(evidence -> e.key) = 'string' AND e.value ~ others_pattern)
           AND NOT EXISTS (SELECT FROM jsonb_each_text(evidence) AS e WHERE jsonb_typeof(evidence -> e.key) = 'string' AND e.value ~ own_pattern) THEN
            RETURN NULL;
        END IF;
        SELECT coalesce(jsonb_object_agg(p.key, p.part) FILTER (WHERE p.part IS NOT NULL), '{}') INTO kept
        FROM (SELECT e.key, CASE WHEN jsonb_typeof(e.value) = 'string' AND e.value #>> '{}' = ANY (others) THEN e.value
                                 ELSE release_mgmt_internal.leave_out(e.value, others, others_pattern, own_pattern) END AS part
              FROM jsonb_each(evidence) AS e) AS p;
        RETURN kept;
    ELSE
        RETURN evidence;
    END CASE;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.leave_out(jsonb, text[], text, text) IS
'Evidence without the objects that name others and nothing own; an array says how many it left out (left_out). NULL where nothing is left.';

CREATE FUNCTION release_mgmt_internal.tell_evidence(release uuid, evidence jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    names record;
BEGIN
    IF evidence IS NULL OR release_mgmt_internal.is_told_everything(release) THEN
        RETURN evidence;
    END IF;
    SELECT * INTO names FROM release_mgmt_internal.untold_names(release, release_mgmt_internal.strings_of(evidence));
    IF names.others IS NULL THEN
        RETURN evidence;
    END IF;
    RETURN coalesce(release_mgmt_internal.leave_out(evidence, names.others, release_mgmt_internal.as_pattern(names.others),
                                                    coalesce(release_mgmt_internal.as_pattern(names.own), '(?!)')), '{"left_out": 1}');
END $$;
COMMENT ON FUNCTION release_mgmt_internal.tell_evidence(uuid, jsonb) IS
'What the acting person is told of the evidence of a release: all of it, or where it names others, without what is theirs.';

CREATE FUNCTION release_mgmt_internal.organizations_in(release uuid, said text, evidence jsonb) RETURNS uuid[]
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    RETURN coalesce((SELECT array_agg(DISTINCT o ORDER BY o)
                     FROM release_mgmt_internal.names_in(concat_ws(E'\n', said, release_mgmt_internal.strings_of(evidence)), release) AS n CROSS JOIN unnest(n.organizations) AS o
                     WHERE o IS NOT NULL), '{}');
END $$;
COMMENT ON FUNCTION release_mgmt_internal.organizations_in(uuid, text, jsonb) IS 'The organizations that are named, or rows of which are named, in what is said of a release.';
