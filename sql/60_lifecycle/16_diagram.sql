-- Module lifecycle: the states of a model as a diagram.

CREATE FUNCTION release_mgmt.model_diagram(model text, format text DEFAULT 'mermaid', version integer DEFAULT NULL) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    drawn release_mgmt.release_model;
    lines text[];
BEGIN
    IF format IS NULL OR format NOT IN ('mermaid', 'dot') THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('there is no diagram of the format "%s"', format), NULL, 'Formats are mermaid and dot.');
    END IF;
    SELECT m.* INTO drawn FROM release_mgmt.release_model AS m
    WHERE m.code = model AND m.version = coalesce(model_diagram.version, (SELECT max(o.version) FROM release_mgmt.release_model AS o WHERE o.code = model));
    IF NOT FOUND THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', concat_ws(' ', format('release model "%s"', model), 'version ' || version, 'does not exist'), NULL,
            'Models are the rows of release_mgmt.release_model.');
    END IF;

    WITH state AS (
        SELECT s.state, s.ordinal, s.kind,
               -- What Mermaid would read otherwise than as a name gets one by its number.
               CASE WHEN s.state ~ '^[a-z][a-z0-9_]*$' AND s.state NOT IN ('state', 'note', 'end', 'as', 'direction', 'class', 'classdef', 'style', 'click', 'default', 'hide', 'scale')
                    THEN s.state ELSE 's' || s.ordinal END AS name,
               regexp_replace(s.state, '[^[:alnum:] _.,/()+-]', '', 'g') AS plain,
               '"' || regexp_replace(s.state, '([\\"])', '\\\1', 'g') || '"' AS quoted
        FROM release_mgmt.model_state AS s WHERE s.model_id = drawn.id
    ), edge AS (
        SELECT a.ordinal AS from_ordinal, b.ordinal AS to_ordinal, a.name AS from_name, b.name AS to_name, a.quoted AS from_quoted, b.quoted AS to_quoted, t.forward,
               (SELECT count(*) FROM release_mgmt.gate_criterion AS c WHERE t.forward AND c.model_id = drawn.id AND c.to_state = t.to_state) AS criteria
        FROM release_mgmt.model_transition AS t JOIN state AS a ON a.state = t.from_state JOIN state AS b ON b.state = t.to_state
        WHERE t.model_id = drawn.id
    ), labelled AS (
        SELECT e.*, CASE WHEN e.criteria > 0 THEN e.criteria || CASE e.criteria WHEN 1 THEN ' criterion' ELSE ' criteria' END END AS label FROM edge AS e
    ), line(place, major, minor, text) AS (
        SELECT 1, n::integer, 0, l FROM unnest(ARRAY['stateDiagram-v2', '    direction LR']) WITH ORDINALITY AS x(l, n) WHERE format = 'mermaid'
        UNION ALL
        SELECT 2, s.ordinal, 0, format('    state "%s" as %s', s.plain, s.name) FROM state AS s WHERE format = 'mermaid' AND s.name <> s.state
        UNION ALL
        SELECT 3, 0, 0, '    [*] --> draft' WHERE format = 'mermaid' AND EXISTS (SELECT FROM state AS s WHERE s.state = 'draft')
        UNION ALL
        SELECT CASE WHEN e.forward THEN 4 ELSE 5 END, e.from_ordinal, e.to_ordinal, format('    %s --> %s', e.from_name, e.to_name) || coalesce(' : ' || e.label, '') FROM labelled AS e WHERE format = 'mermaid'
        UNION ALL
        SELECT 6, s.ordinal, 0, format('    %s --> [*]', s.name) FROM state AS s WHERE format = 'mermaid' AND s.kind = 'ended'
        UNION ALL
        SELECT 1, n::integer, 0, l FROM unnest(ARRAY[
            format('digraph "%s" {', regexp_replace(drawn.code || ' ' || drawn.version, '([\\"])', '\\\1', 'g')), '    rankdir=LR;', '    node [shape=box, style=rounded];'])
            WITH ORDINALITY AS x(l, n) WHERE format = 'dot'
        UNION ALL
        SELECT 2, s.ordinal, 0, format('    %s%s;', s.quoted, CASE s.kind WHEN 'ended' THEN ' [peripheries=2]' WHEN 'deploying' THEN ' [style="rounded,bold"]' ELSE '' END)
        FROM state AS s WHERE format = 'dot'
        UNION ALL
        SELECT CASE WHEN e.forward THEN 3 ELSE 4 END, e.from_ordinal, e.to_ordinal,
               format('    %s -> %s%s;', e.from_quoted, e.to_quoted, CASE WHEN NOT e.forward THEN ' [style=dashed]' WHEN e.label IS NOT NULL THEN format(' [label="%s"]', e.label) ELSE '' END)
        FROM labelled AS e WHERE format = 'dot'
        UNION ALL
        SELECT 9, 0, 0, '}' WHERE format = 'dot'
    )
    SELECT array_agg(l.text ORDER BY l.place, l.major, l.minor) INTO lines FROM line AS l;
    RETURN array_to_string(lines, E'\n') || E'\n';
END $$;
COMMENT ON FUNCTION release_mgmt.model_diagram(text, text, integer) IS
'The states and transitions of a release model, of its latest version where none is named, as text that draws them. format: mermaid (stateDiagram-v2) or dot (Graphviz; dashed: transitions that pass no gate, double: states that end a release). A forward transition is labelled with the number of criteria of its gate. Errors: RM002 unknown model, version or format.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.model_diagram(text, text, integer)');
