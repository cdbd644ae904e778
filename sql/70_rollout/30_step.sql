-- Module rollout: the steps of a deployment, what each target receives, and the proof that it was delivered.

CREATE TABLE release_mgmt.deployment_step (
    id          uuid DEFAULT release_mgmt.new_id(),
    target_id   uuid NOT NULL,
    attempt     integer NOT NULL,
    ordinal     integer NOT NULL,
    kind        text NOT NULL,
    state       text NOT NULL DEFAULT 'ready',
    worker      text,
    claim       uuid,
    claimed_by  uuid,
    claimed_at  timestamptz,
    lease_until timestamptz,
    outcome     text,
    output      text,
    findings    jsonb,
    finished_at timestamptz,
    by_hand     boolean NOT NULL DEFAULT false,
    reason      text,
    CONSTRAINT deployment_step_pkey PRIMARY KEY (id),
    CONSTRAINT deployment_step_target_id_attempt_ordinal_key UNIQUE (target_id, attempt, ordinal),
    CONSTRAINT deployment_step_claim_key UNIQUE (claim),
    CONSTRAINT deployment_step_target_id_fkey FOREIGN KEY (target_id) REFERENCES release_mgmt.target,
    CONSTRAINT deployment_step_claimed_by_fkey FOREIGN KEY (claimed_by) REFERENCES release_mgmt.person,
    CONSTRAINT deployment_step_order_check CHECK (attempt > 0 AND ordinal > 0),
    CONSTRAINT deployment_step_kind_check CHECK (kind IN ('install', 'verify', 'back_out')),
    CONSTRAINT deployment_step_state_check CHECK (state IN ('ready', 'claimed', 'successful', 'failed', 'cancelled')),
    CONSTRAINT deployment_step_worker_check CHECK (worker <> ''),
    CONSTRAINT deployment_step_outcome_check CHECK (outcome IN ('successful', 'failed')),
    CONSTRAINT deployment_step_ready_check CHECK (state <> 'ready' OR claim IS NULL),
    CONSTRAINT deployment_step_claimed_check
        CHECK (state IN ('ready', 'cancelled')
               OR (worker IS NOT NULL AND claim IS NOT NULL AND claimed_by IS NOT NULL AND claimed_at IS NOT NULL AND lease_until > claimed_at)),
    CONSTRAINT deployment_step_finished_check
        CHECK ((state IN ('successful', 'failed')) = (outcome IS NOT NULL AND output IS NOT NULL AND findings IS NOT NULL)
               AND (state IN ('successful', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
    CONSTRAINT deployment_step_successful_check CHECK (state <> 'successful' OR (outcome = 'successful' AND findings = '[]'))
);
COMMENT ON TABLE release_mgmt.deployment_step IS
'The deployment record: each step on each target, by which worker, with its output and what the server found in it. Written by claim_step(), report_step(), complete_step(), back_out_target() and deploy_again(); a finished step never changes.';
COMMENT ON COLUMN release_mgmt.deployment_step.attempt IS 'from 1; deploy_again() begins another';
COMMENT ON COLUMN release_mgmt.deployment_step.kind IS 'install; verify, a second look at what was installed; back_out';
COMMENT ON COLUMN release_mgmt.deployment_step.claim IS 'given to the worker by claim_step(), needed to report';
COMMENT ON COLUMN release_mgmt.deployment_step.lease_until IS 'when the step is handed out again, unless it was reported';
COMMENT ON COLUMN release_mgmt.deployment_step.outcome IS 'as the worker claimed it; state tells what the server made of it';
COMMENT ON COLUMN release_mgmt.deployment_step.by_hand IS 'a person completed it, with complete_step()';
COMMENT ON COLUMN release_mgmt.deployment_step.reason IS 'why a person did, though the roll-out is not manual';
COMMENT ON COLUMN release_mgmt.deployment_step.findings IS 'array of {file, expected, found}: every file that is not as it must be; empty where all are';
CREATE INDEX deployment_step_claimed_idx ON release_mgmt.deployment_step (worker, claimed_by) WHERE state = 'claimed';
CREATE INDEX deployment_step_open_idx ON release_mgmt.deployment_step (target_id) WHERE state IN ('ready', 'claimed');
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.deployment_step', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.deployment_step');
SELECT release_mgmt_internal.belongs('release_mgmt.deployment_step', through => 'target_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.deployment_step');

CREATE FUNCTION release_mgmt_internal.target_state(target uuid) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce((SELECT CASE s.kind || ' ' || s.state
                                WHEN 'install ready' THEN 'planned'
                                WHEN 'install claimed' THEN 'in_progress'
                                WHEN 'install successful' THEN 'installed'
                                WHEN 'verify ready' THEN 'installed'
                                WHEN 'verify claimed' THEN 'installed'
                                WHEN 'verify successful' THEN 'verified'
                                WHEN 'back_out ready' THEN 'backing_out'
                                WHEN 'back_out claimed' THEN 'backing_out'
                                WHEN 'back_out successful' THEN 'backed_out'
                                ELSE 'failed' END
                     FROM release_mgmt.deployment_step AS s
                     WHERE s.target_id = target_state.target AND s.state <> 'cancelled'
                     ORDER BY s.attempt DESC, s.ordinal DESC LIMIT 1), 'planned');
END;
COMMENT ON FUNCTION release_mgmt_internal.target_state(uuid) IS 'The state of a target by its last step that was not cancelled.';

CREATE FUNCTION release_mgmt_internal.keep_finished_step() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.refuse('wrong_state', format('the %s step of attempt %s is %s and does not change', OLD.kind, OLD.attempt, OLD.state),
        NULL, 'A new step comes from back_out_target() or deploy_again().');
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_finished_step() IS 'Trigger: a finished step stays as it was reported.';
CREATE TRIGGER rm_50_finished BEFORE UPDATE OR DELETE ON release_mgmt.deployment_step
FOR EACH ROW WHEN (release_mgmt_internal.is_active() AND OLD.finished_at IS NOT NULL) EXECUTE FUNCTION release_mgmt_internal.keep_finished_step();

CREATE FUNCTION release_mgmt_internal.follow_step() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    UPDATE release_mgmt.target AS t SET state = now_is.state
    FROM (SELECT release_mgmt_internal.target_state(NEW.target_id) AS state) AS now_is
    WHERE t.id = NEW.target_id AND t.state <> now_is.state;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.follow_step() IS 'Trigger: the state of a target follows its steps.';
CREATE TRIGGER rm_60_follow AFTER INSERT OR UPDATE OF state ON release_mgmt.deployment_step
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.follow_step();

CREATE TABLE release_mgmt.delivery (
    step_id      uuid NOT NULL,
    item_id      uuid NOT NULL,
    digest       release_mgmt.digest NOT NULL,
    files        integer NOT NULL,
    delivered_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT delivery_pkey PRIMARY KEY (step_id, item_id),
    CONSTRAINT delivery_step_id_fkey FOREIGN KEY (step_id) REFERENCES release_mgmt.deployment_step,
    CONSTRAINT delivery_item_id_fkey FOREIGN KEY (item_id) REFERENCES release_mgmt.library_item
);
COMMENT ON TABLE release_mgmt.delivery IS
'Which library item, with which digest, went to which target: one row for each item of each successful install step. Written by report_step().';
COMMENT ON COLUMN release_mgmt.delivery.digest IS 'of the item''s content, as sealed in the package';
COMMENT ON COLUMN release_mgmt.delivery.files IS 'how many of its files the worker''s output showed to be as they are in the library; the whole content counts as one where the server knows no files in it';
CREATE INDEX delivery_item_id_idx ON release_mgmt.delivery (item_id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.delivery', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.delivery');
SELECT release_mgmt_internal.belongs('release_mgmt.delivery', through => 'step_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.delivery');

CREATE FUNCTION release_mgmt_internal.is_of_component(name text, version release_mgmt.pkgver, component release_mgmt.component) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    -- dpkg writes name:architecture of a package that may be installed for several.
    SELECT is_of_component.name = (is_of_component.component).name
        OR (release_mgmt.pkgver_scheme(version) = 'deb'
            AND is_of_component.name = (is_of_component.component).name || ':'
                || (SELECT i.architecture FROM release_mgmt.library_item AS i WHERE i.id = (is_of_component.component).item_id));
END;
COMMENT ON FUNCTION release_mgmt_internal.is_of_component(text, release_mgmt.pkgver, release_mgmt.component) IS
'Is what is installed under that name, in a version of that scheme, what the component is?';

-- Not STRICT: it becomes part of the query that asks.
CREATE FUNCTION release_mgmt_internal.target_components(target uuid) RETURNS SETOF release_mgmt.component
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH item AS MATERIALIZED (
        -- Only what has a version can be a component itself: what is installed on a host is not read for that.
        SELECT i.id
        FROM release_mgmt.target AS t
        JOIN release_mgmt.ci AS i ON i.label = t.ci
        JOIN release_mgmt.ci_class AS k ON k.name = i.class AND k.version_path IS NOT NULL
        WHERE t.id = target_components.target
    ), itself AS MATERIALIZED (
        SELECT o.name, o.version FROM item AS i CROSS JOIN LATERAL release_mgmt_internal.installed_components(i.id) AS o WHERE o.ci = i.id
    ), fitting AS MATERIALIZED (
        SELECT c.id,
               c.ci IS NOT DISTINCT FROM t.ci
               OR EXISTS (SELECT FROM itself AS o WHERE release_mgmt_internal.is_of_component(o.name, o.version, c))
               OR EXISTS (SELECT FROM release_mgmt.planned_ci_change AS x
                          WHERE x.release_id = t.release_id AND x.ci = t.ci AND x.operation = 'create'
                            AND x.ci = pg_catalog.split_part(x.ci, '/', 1) || '/' || c.name) AS is_target
        FROM release_mgmt.target AS t
        JOIN release_mgmt.release_package AS p ON p.release_id = t.release_id AND p.current
        JOIN release_mgmt.component AS c ON c.package_id = p.id
        WHERE t.id = target_components.target
    )
    SELECT c.* FROM release_mgmt.component AS c JOIN fitting AS f ON f.id = c.id
    WHERE f.is_target OR NOT EXISTS (SELECT FROM fitting AS o WHERE o.is_target);
END;
COMMENT ON FUNCTION release_mgmt_internal.target_components(uuid) IS
'What a target receives: where the target itself is the item that a component is or becomes, that component; otherwise (a host, a directory, a site) the whole package.';

CREATE FUNCTION release_mgmt_internal.target_files(target uuid) RETURNS TABLE (item_id uuid, path text, digest release_mgmt.digest)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT c.item_id, f.path, f.digest
    FROM release_mgmt_internal.target_components(target) AS c JOIN release_mgmt.library_file AS f ON f.item_id = c.item_id
    UNION ALL
    SELECT c.item_id, c.name, c.digest
    FROM release_mgmt_internal.target_components(target) AS c
    WHERE c.item_id IS NOT NULL AND NOT EXISTS (SELECT FROM release_mgmt.library_file AS f WHERE f.item_id = c.item_id);
END;
COMMENT ON FUNCTION release_mgmt_internal.target_files(uuid) IS
'Each file that a target receives. An item whose files the server has not read (a document, an image) is one file, under the component''s name.';

CREATE FUNCTION release_mgmt_internal.target_manifest(target uuid) RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    RETURN (
        SELECT coalesce(pg_catalog.string_agg(
                   CASE WHEN f.path ~ '[\\\n\r]'
                        THEN '\' || release_mgmt.digest_hex(f.digest) || '  '
                             || pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(f.path, '\', '\\'), E'\n', '\n'), E'\r', '\r')
                        ELSE release_mgmt.digest_hex(f.digest) || '  ' || f.path END || E'\n', '' ORDER BY f.path COLLATE "C"), '')
        FROM release_mgmt_internal.target_files(target) AS f);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.target_manifest(uuid) IS 'The files that a target receives, in the form that "sha256sum -c" reads.';

CREATE FUNCTION release_mgmt_internal.read_checksums(output text) RETURNS TABLE (path text, digest release_mgmt.digest, verdict text)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 100 AS 'MODULE_PATHNAME', 'rm_checksums_read';
COMMENT ON FUNCTION release_mgmt_internal.read_checksums(text) IS
'The lines of an output that sha256sum (or sha384sum, sha512sum) prints: verdict digest (with the digest), ok, failed, unreadable. Paths without a leading "/" or "./"; other lines are left out.';

CREATE FUNCTION release_mgmt_internal.judge_installed(target uuid, output text) RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    RETURN (
        WITH expected AS MATERIALIZED (
            SELECT f.path, f.digest FROM release_mgmt_internal.target_files(target) AS f
        ), shown AS MATERIALIZED (
            SELECT s.path, s.digest, s.verdict FROM release_mgmt_internal.read_checksums(output) AS s
        ), finding AS (
            -- Everything said about a file must agree: one line that shows it as it must be does not outweigh another.
            SELECT e.path, e.digest::text AS expected,
                   CASE s.verdict WHEN 'digest' THEN s.digest::text WHEN 'failed' THEN 'another content' ELSE 'can not be read' END AS found
            FROM expected AS e JOIN shown AS s ON s.path = e.path
            WHERE s.verdict IN ('failed', 'unreadable') OR s.digest <> e.digest
            UNION
            SELECT e.path, e.digest::text, 'not shown'
            FROM expected AS e WHERE NOT EXISTS (SELECT FROM shown AS s WHERE s.path = e.path)
            UNION
            SELECT NULL, 'an account of what was done', 'nothing'
            WHERE NOT EXISTS (SELECT FROM expected) AND pg_catalog.btrim(output, E' \t\r\n') = ''
        )
        SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('file', f.path, 'expected', f.expected, 'found', f.found)
                                             ORDER BY f.path COLLATE "C", f.found COLLATE "C"), '[]')
        FROM finding AS f);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.judge_installed(uuid, text) IS
'What an output leaves unproved of "every file of the target is as it is in the library": an array of {file, expected, found}. Where there are no files (hardware), some account must be given.';

CREATE FUNCTION release_mgmt_internal.judge_backed_out(target uuid, output text) RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    RETURN (
        WITH installed AS MATERIALIZED (
            SELECT f.path, f.digest FROM release_mgmt_internal.target_files(target) AS f
            -- A file that the former version had alike is there rightly.
            WHERE NOT EXISTS (SELECT FROM release_mgmt.target AS t
                              JOIN release_mgmt.planned_ci_change AS x ON x.release_id = t.release_id AND x.target = t.ci
                              JOIN release_mgmt.library_item AS i ON i.version = release_mgmt.try_pkgver(release_mgmt.pkgver_scheme(i.version), x.old_value)
                              JOIN release_mgmt.library_file AS o ON o.item_id = i.id AND o.path = f.path AND o.digest = f.digest
                              WHERE t.id = judge_backed_out.target
                                AND i.name IN (SELECT c.name FROM release_mgmt_internal.target_components(t.id) AS c))
        ), finding AS (
            SELECT DISTINCT f.path, f.digest::text AS found
            FROM installed AS f JOIN release_mgmt_internal.read_checksums(output) AS s ON s.path = f.path
            WHERE s.verdict = 'ok' OR s.digest = f.digest
        )
        SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('file', f.path, 'expected', 'not as the package has it', 'found', f.found)
                                             ORDER BY f.path COLLATE "C"), '[]')
        FROM finding AS f);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.judge_backed_out(uuid, text) IS
'Which files an output (a listing by sha256sum of what is there, or its check of the manifest) shows as the package has them, where they should be gone or as before: an array of {file, expected, found}.';

-- SECURITY DEFINER: keeps steps and bookings, which nobody writes directly.
CREATE FUNCTION release_mgmt_internal.follow_release() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    new_kind text;
BEGIN
    SELECT s.kind INTO new_kind FROM release_mgmt.model_state AS s WHERE s.model_id = NEW.model_id AND s.state = NEW.state;
    IF new_kind = 'deploying' AND NEW.state <> 'backing_out' THEN
        INSERT INTO release_mgmt.deployment_step (target_id, attempt, ordinal, kind)
        SELECT t.id, 1, 1, 'install' FROM release_mgmt.target AS t
        WHERE t.release_id = NEW.id AND NOT EXISTS (SELECT FROM release_mgmt.deployment_step AS s WHERE s.target_id = t.id)
        ORDER BY t.ci COLLATE "C";
    ELSIF NEW.state = 'backing_out' OR new_kind = 'ended' THEN
        -- Nothing more is installed. What a worker has in hand is still reported.
        UPDATE release_mgmt.deployment_step AS s SET state = 'cancelled', finished_at = clock_timestamp()
        FROM release_mgmt.target AS t
        WHERE t.release_id = NEW.id AND s.target_id = t.id AND s.state = 'ready' AND s.kind <> 'back_out';
    END IF;
    IF new_kind = 'ended' THEN
        DELETE FROM release_mgmt.ci_booking AS b USING release_mgmt.target AS t WHERE t.release_id = NEW.id AND b.target_id = t.id;
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.follow_release() IS
'Trigger: a release that begins to be rolled out gets an install step for each target; one that is backed out or has ended installs nothing more; one that has ended frees its bookings.';
CREATE TRIGGER rm_70_follow AFTER UPDATE OF state ON release_mgmt.release
FOR EACH ROW WHEN (release_mgmt_internal.is_active() AND OLD.state <> NEW.state) EXECUTE FUNCTION release_mgmt_internal.follow_release();
