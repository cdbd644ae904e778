-- Module release: release trains. A cadence of departures; a release boards one, and whoever misses its cut-off travels with a later one.

CREATE TABLE release_mgmt.release_train (
    id              uuid DEFAULT release_mgmt.new_id(),
    code            text NOT NULL,
    title           text,
    organization_id uuid NOT NULL DEFAULT release_mgmt_internal.own_organization('{release manager,change manager}'),
    first_departure timestamptz NOT NULL,
    every           interval NOT NULL,
    cut_off         interval NOT NULL,
    lasts           interval NOT NULL,
    time_zone       text NOT NULL DEFAULT 'UTC',
    ends_at         timestamptz,
    CONSTRAINT release_train_pkey PRIMARY KEY (id),
    CONSTRAINT release_train_code_key UNIQUE (code),
    CONSTRAINT release_train_code_check CHECK (code <> ''),
    CONSTRAINT release_train_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES release_mgmt.organization,
    CONSTRAINT release_train_first_departure_check CHECK (isfinite(first_departure)),
    CONSTRAINT release_train_every_check CHECK (every BETWEEN interval '1 day' AND interval '100 years'),
    CONSTRAINT release_train_cut_off_check CHECK (cut_off BETWEEN interval '0' AND interval '100 years'),
    CONSTRAINT release_train_lasts_check CHECK (lasts > interval '0' AND lasts <= every),
    CONSTRAINT release_train_time_zone_check CHECK (timezone(time_zone, '2000-01-01 00:00:00+00'::timestamptz) IS NOT NULL)
);
COMMENT ON TABLE release_mgmt.release_train IS 'Release trains: departures at a cadence, by the clock of a time zone, each with a cut-off before it.';
COMMENT ON COLUMN release_mgmt.release_train.organization_id IS 'the organization whose train it is';
COMMENT ON COLUMN release_mgmt.release_train.every IS 'after how long the next one departs, by the clock of time_zone (7 days, 1 month)';
COMMENT ON COLUMN release_mgmt.release_train.cut_off IS 'how long before a departure the content of what travels with it must be sealed';
COMMENT ON COLUMN release_mgmt.release_train.lasts IS 'how long the roll-out of what travels with a departure is planned to run';
COMMENT ON COLUMN release_mgmt.release_train.ends_at IS 'no train departs at that time or later; NULL: it goes on';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.release_train', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.release_train');

CREATE TABLE release_mgmt.train_boarding (
    id           uuid DEFAULT release_mgmt.new_id(),
    release_id   uuid NOT NULL,
    train_id     uuid NOT NULL,
    departs_at   timestamptz NOT NULL,
    cut_off_at   timestamptz NOT NULL,
    boarded_by   uuid NOT NULL,
    boarded_at   timestamptz NOT NULL DEFAULT now(),
    left_by      uuid,
    left_at      timestamptz,
    left_because text,
    CONSTRAINT train_boarding_pkey PRIMARY KEY (id),
    CONSTRAINT train_boarding_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT train_boarding_train_id_fkey FOREIGN KEY (train_id) REFERENCES release_mgmt.release_train,
    CONSTRAINT train_boarding_boarded_by_fkey FOREIGN KEY (boarded_by) REFERENCES release_mgmt.person,
    CONSTRAINT train_boarding_left_by_fkey FOREIGN KEY (left_by) REFERENCES release_mgmt.person,
    CONSTRAINT train_boarding_left_check CHECK ((left_at IS NULL) = (left_by IS NULL) AND (left_at IS NULL) = (left_because IS NULL) AND left_because <> ''),
    CONSTRAINT train_boarding_cut_off_check CHECK (cut_off_at <= departs_at)
);
COMMENT ON TABLE release_mgmt.train_boarding IS
'Which release travels with which departure of a train, and with which it did not, and why. Written by board_train(), leave_train() and rebook_missed().';
CREATE UNIQUE INDEX train_boarding_aboard_idx ON release_mgmt.train_boarding (release_id) WHERE left_at IS NULL;
CREATE INDEX train_boarding_train_id_idx ON release_mgmt.train_boarding (train_id, departs_at);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.train_boarding', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.train_boarding');
SELECT release_mgmt_internal.belongs('release_mgmt.train_boarding', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.train_boarding');
-- Whoever sees a release that travels with it sees the train.
SELECT release_mgmt_internal.belongs('release_mgmt.release_train', organizations => '{organization_id}', writes => 'organization_id',
    sees => 'release_mgmt_internal.may_see(organization_id, ''organization'')
             OR EXISTS (SELECT FROM release_mgmt.train_boarding AS b WHERE b.train_id = release_train.id)');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_train');
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'INSERT, UPDATE (title, ends_at)', 'release_mgmt.release_train');

CREATE FUNCTION release_mgmt.departures_between(train text, from_time timestamptz, to_time timestamptz)
RETURNS TABLE (departs_at timestamptz, cut_off_at timestamptz)
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT d.departs_at, (d.departs_at AT TIME ZONE t.time_zone - t.cut_off) AT TIME ZONE t.time_zone
    FROM release_mgmt.release_train AS t
    -- By the local clock, so that daylight saving does not move it. A month has at least 28 of the 30 days that its epoch counts.
    CROSS JOIN LATERAL (SELECT (t.first_departure AT TIME ZONE t.time_zone + t.every * k.n) AT TIME ZONE t.time_zone
                        FROM pg_catalog.generate_series(
                                 greatest(0, pg_catalog.floor(extract(epoch FROM from_time - t.first_departure) / (1.1 * extract(epoch FROM t.every)))::integer - 1),
                                 pg_catalog.ceil(extract(epoch FROM to_time - t.first_departure) / (0.9 * extract(epoch FROM t.every)))::integer) AS k(n)) AS d(departs_at)
    WHERE t.code = departures_between.train AND d.departs_at BETWEEN from_time AND to_time AND (t.ends_at IS NULL OR d.departs_at < t.ends_at)
    ORDER BY d.departs_at;
END;
COMMENT ON FUNCTION release_mgmt.departures_between(text, timestamptz, timestamptz) IS
'The departures of a train between two times, both included, each with its cut-off; none where there is no such train that whoever asks sees.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.departures_between(text, timestamptz, timestamptz)');

CREATE FUNCTION release_mgmt_internal.next_departure(train text, after timestamptz) RETURNS TABLE (departs_at timestamptz, cut_off_at timestamptz)
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT d.departs_at, d.cut_off_at
    FROM release_mgmt.release_train AS t
    CROSS JOIN LATERAL release_mgmt.departures_between(t.code, after, greatest(after, t.first_departure) + t.every * 2 + t.cut_off * 2) AS d
    WHERE t.code = next_departure.train AND d.cut_off_at > after
    ORDER BY d.departs_at LIMIT 1;
END;
COMMENT ON FUNCTION release_mgmt_internal.next_departure(text, timestamptz) IS 'The first departure of a train whose cut-off is later than that time.';

-- SECURITY DEFINER: boardings are written by the verbs alone.
CREATE FUNCTION release_mgmt_internal.take_aboard(release uuid, train text, departs_at timestamptz, cut_off_at timestamptz, acting uuid) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    INSERT INTO release_mgmt.train_boarding (release_id, train_id, departs_at, cut_off_at, boarded_by)
    SELECT take_aboard.release, t.id, take_aboard.departs_at, take_aboard.cut_off_at, acting FROM release_mgmt.release_train AS t WHERE t.code = train;
    INSERT INTO release_mgmt.planned_dates (release_id, planned, reason)
    SELECT r.id, x.planned, format('travels with train %s', train)
    FROM release_mgmt.release_train AS t
    CROSS JOIN LATERAL (SELECT tstzrange(take_aboard.departs_at, take_aboard.departs_at + t.lasts) AS planned) AS x
    JOIN release_mgmt.release AS r ON r.planned IS DISTINCT FROM x.planned
    WHERE r.id = take_aboard.release AND t.code = train;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.take_aboard(uuid, text, timestamptz, timestamptz, uuid) IS 'Records that a release travels with a departure, and plans its roll-out for it.';

CREATE FUNCTION release_mgmt.board_train(release text, train text, departs_at timestamptz DEFAULT NULL) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('release manager');
    boarding release_mgmt.release;
    aboard record;
    departure record;
    following text;
BEGIN
    SELECT r.* INTO boarding FROM release_mgmt.release AS r WHERE r.id = release_mgmt.release_id(release) FOR NO KEY UPDATE;
    PERFORM release_mgmt_internal.require_duty_for(boarding.id, 'release manager');
    IF NOT EXISTS (SELECT FROM release_mgmt.release_train AS t WHERE t.code = train AND release_mgmt_internal.sees(t.organization_id, 'organization')) THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('release train "%s" does not exist', train), NULL, 'Trains are the rows of release_mgmt.release_train.');
    END IF;
    SELECT b.departs_at, t.code INTO aboard FROM release_mgmt.train_boarding AS b JOIN release_mgmt.release_train AS t ON t.id = b.train_id
    WHERE b.release_id = boarding.id AND b.left_at IS NULL;
    IF FOUND THEN
        IF aboard.code = train AND aboard.departs_at = coalesce(board_train.departs_at, aboard.departs_at) THEN
            RETURN aboard.departs_at;
        END IF;
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" travels with train "%s" already', release, aboard.code),
            format('It departs at %s.', aboard.departs_at), format('CALL release_mgmt.leave_train(%L, reason) first.', release));
    END IF;
    IF NOT EXISTS (SELECT FROM release_mgmt.model_state AS s
                   WHERE s.model_id = boarding.model_id AND s.state = boarding.state AND s.kind IN ('planning', 'halted')) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" can not board a train', release), format('It is %s.', boarding.state),
            'A release boards while it is being planned.');
    END IF;
    SELECT string_agg(d.departs_at::text, ', ' ORDER BY d.departs_at) INTO following
    FROM (SELECT n.departs_at FROM release_mgmt.release_train AS t
          CROSS JOIN LATERAL release_mgmt.departures_between(t.code, now(), greatest(now(), t.first_departure) + t.every * 4 + t.cut_off * 2) AS n
          WHERE t.code = train AND n.cut_off_at > now() ORDER BY n.departs_at LIMIT 3) AS d;
    IF board_train.departs_at IS NULL THEN
        SELECT n.* INTO departure FROM release_mgmt_internal.next_departure(train, now()) AS n;
    ELSE
        SELECT n.* INTO departure FROM release_mgmt.departures_between(train, board_train.departs_at, board_train.departs_at) AS n;
    END IF;
    IF departure.departs_at IS NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', concat_ws(' ', format('train "%s" does not depart', train), 'at ' || board_train.departs_at),
            coalesce('It departs next at ' || following || '.', 'It does not depart any more.'), 'See SELECT * FROM release_mgmt.departures_between(train, from, to).');
    ELSIF departure.cut_off_at <= now() THEN
        PERFORM release_mgmt_internal.refuse('outside_window', format('release "%s" is too late for train "%s"', release, train),
            format('The cut-off of the departure at %s was at %s.', departure.departs_at, departure.cut_off_at),
            coalesce('The next ones to board depart at ' || following || '.', 'No later one departs.'));
    END IF;
    PERFORM release_mgmt_internal.take_aboard(boarding.id, train, departure.departs_at, departure.cut_off_at, acting);
    RETURN departure.departs_at;
END $$;
COMMENT ON FUNCTION release_mgmt.board_train(text, text, timestamptz) IS
'Takes a release aboard a train, plans its roll-out for that departure, and returns when it departs. departs_at: a departure of the train whose cut-off is not over; NULL: the next such one. A release that travels with it already stays aboard. Errors: RM002 unknown release, train or departure; RM003 without the duty release manager; RM015 it travels already, or is not being planned any more; RM017 the cut-off is over.';
SELECT release_mgmt_internal.allow('{release manager}', 'EXECUTE', 'FUNCTION release_mgmt.board_train(text, text, timestamptz)');

CREATE PROCEDURE release_mgmt.leave_train(release text, reason text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('release manager');
    leaving uuid := release_mgmt.release_id(release);
BEGIN
    PERFORM FROM release_mgmt.release AS r WHERE r.id = leaving FOR NO KEY UPDATE;
    PERFORM release_mgmt_internal.require_duty_for(leaving, 'release manager');
    UPDATE release_mgmt.train_boarding AS b SET left_at = now(), left_by = acting, left_because = reason WHERE b.release_id = leaving AND b.left_at IS NULL;
END $$;
COMMENT ON PROCEDURE release_mgmt.leave_train(text, text) IS
'Takes a release off the train that it travels with; why stays on record. One that travels with none is left as it is. Errors: RM002 unknown release, RM003 without the duty release manager, 23502 or 23514 no reason.';
SELECT release_mgmt_internal.allow('{release manager}', 'EXECUTE', 'PROCEDURE release_mgmt.leave_train(text, text)');

CREATE FUNCTION release_mgmt_internal.missed_cut_off(release uuid, cut_off_at timestamptz) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE WHEN p.sealed_at <= missed_cut_off.cut_off_at OR now() < missed_cut_off.cut_off_at THEN NULL
                WHEN p.sealed_at IS NULL THEN 'its content was not sealed at the cut-off'
                ELSE 'its content was sealed anew after the cut-off' END
    FROM (SELECT) AS always LEFT JOIN release_mgmt.release_package AS p ON p.release_id = missed_cut_off.release AND p.current;
END;
COMMENT ON FUNCTION release_mgmt_internal.missed_cut_off(uuid, timestamptz) IS 'Why a release missed a cut-off; NULL where it did not, or the cut-off is still to come.';

CREATE FUNCTION release_mgmt.rebook_missed(train text) RETURNS TABLE (release text, missed timestamptz, because text, departs_at timestamptz)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10 SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('release manager', 'change manager');
    late record;
    departure record;
BEGIN
    IF NOT EXISTS (SELECT FROM release_mgmt.release_train AS t WHERE t.code = train AND release_mgmt_internal.sees(t.organization_id, 'organization')) THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('release train "%s" does not exist', train), NULL, 'Trains are the rows of release_mgmt.release_train.');
    END IF;
    FOR late IN
        SELECT b.id, b.release_id, r.code, b.departs_at
        FROM release_mgmt.train_boarding AS b
        JOIN release_mgmt.release_train AS t ON t.id = b.train_id
        JOIN release_mgmt.release AS r ON r.id = b.release_id
        JOIN release_mgmt.model_state AS s ON s.model_id = r.model_id AND s.state = r.state
        WHERE t.code = train AND b.left_at IS NULL AND b.cut_off_at <= now() AND s.kind IN ('planning', 'halted')
          AND release_mgmt_internal.may_write(r.id, '{release manager,change manager}')
        ORDER BY b.release_id
    LOOP
        PERFORM FROM release_mgmt.release AS r WHERE r.id = late.release_id FOR NO KEY UPDATE;
        SELECT release_mgmt_internal.missed_cut_off(b.release_id, b.cut_off_at) INTO because
        FROM release_mgmt.train_boarding AS b WHERE b.id = late.id AND b.left_at IS NULL;
        CONTINUE WHEN because IS NULL;
        SELECT n.* INTO departure FROM release_mgmt_internal.next_departure(train, now()) AS n;
        UPDATE release_mgmt.train_boarding AS b SET left_at = now(), left_by = acting, left_because = 'missed: ' || because WHERE b.id = late.id;
        IF departure.departs_at IS NOT NULL THEN
            PERFORM release_mgmt_internal.take_aboard(late.release_id, train, departure.departs_at, departure.cut_off_at, acting);
        END IF;
        release := late.code;
        missed := late.departs_at;
        departs_at := departure.departs_at;
        RETURN NEXT;
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt.rebook_missed(text) IS
'Moves each release that missed its cut-off of the train (its content was not sealed then, or was sealed anew later, and it is not rolled out yet) to the next departure that can still be boarded, plans it anew, and returns what was moved: which departure it missed and why, when it departs now (NULL: the train does not depart any more). What was stays on record in train_boarding. Errors: RM002 unknown train, RM003 without the duty release manager or change manager.';
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'EXECUTE', 'FUNCTION release_mgmt.rebook_missed(text)');

CREATE FUNCTION release_mgmt_internal.check_train_caught(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (b.id IS NULL OR f.fault IS NULL, f.fault, 'release manager',
            pg_catalog.jsonb_build_object('release_train', t.code, 'departs_at', b.departs_at, 'cut_off_at', b.cut_off_at)
           )::release_mgmt.check_result
    FROM (SELECT) AS always
    LEFT JOIN release_mgmt.train_boarding AS b ON b.release_id = check_train_caught.release AND b.left_at IS NULL
    LEFT JOIN release_mgmt.release_train AS t ON t.id = b.train_id
    CROSS JOIN LATERAL (SELECT CASE WHEN b.id IS NOT NULL THEN
        coalesce('train ' || t.code || ' left without it: ' || release_mgmt_internal.missed_cut_off(b.release_id, b.cut_off_at),
                 CASE WHEN b.departs_at > pg_catalog.statement_timestamp() THEN pg_catalog.format('train %s departs at %s', t.code, b.departs_at) END) END) AS f(fault);
END;
COMMENT ON FUNCTION release_mgmt_internal.check_train_caught(uuid) IS
'Check: the release travels with no train, or with one whose cut-off it made and whose departure has come.';
SELECT release_mgmt_internal.register_check('train_caught', 'gate', 'release_mgmt_internal.check_train_caught',
    'a release that travels with a train made its cut-off, and departs with it');

CREATE VIEW release_mgmt.train_schedule WITH (security_invoker = true) AS
SELECT t.code AS train, d.departs_at, d.cut_off_at,
       CASE WHEN d.departs_at <= statement_timestamp() THEN 'departed' WHEN d.cut_off_at <= statement_timestamp() THEN 'closed' ELSE 'boarding' END AS status,
       b.aboard, b.sealed, b.missed, b.releases
FROM release_mgmt.release_train AS t
CROSS JOIN LATERAL release_mgmt.departures_between(t.code, statement_timestamp() - interval '13 months', statement_timestamp() + interval '13 months') AS d
CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE x.left_at IS NULL) AS aboard,
                           count(*) FILTER (WHERE x.left_at IS NULL AND p.sealed_at <= x.cut_off_at) AS sealed,
                           count(*) FILTER (WHERE x.left_because LIKE 'missed: %') AS missed,
                           string_agg(r.code, ', ' ORDER BY r.code) FILTER (WHERE x.left_at IS NULL) AS releases
                    FROM release_mgmt.train_boarding AS x
                    JOIN release_mgmt.release AS r ON r.id = x.release_id
                    LEFT JOIN release_mgmt.release_package AS p ON p.release_id = x.release_id AND p.current
                    WHERE x.train_id = t.id AND x.departs_at = d.departs_at) AS b;
COMMENT ON VIEW release_mgmt.train_schedule IS
'Every departure of every train from 13 months back to 13 months ahead: its cut-off, whether it can be boarded (boarding, closed, departed), how many releases are aboard, how many of them are sealed in time, how many missed it and were moved, and which are aboard.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.train_schedule');
