-- Module lifecycle: what happened, for applications that want to hear of it: each event once, none lost.
--
-- An event is written in the transaction in which it happens. Transactions end in another order than they begin, so a reader that
-- remembered the last event it saw would pass by one that becomes visible later. Here a consumer is given the events of finished
-- transactions only: of those below the oldest that still runs (pg_snapshot_xmin), in the order of their transactions' numbers. Below
-- that nothing can appear any more. Numbers are those of one cluster, hence the era: a restored database begins a new one when it is
-- activated.

CREATE TABLE release_mgmt.outbox_event (
    era             timestamptz NOT NULL,
    transaction     bigint NOT NULL,
    id              uuid DEFAULT release_mgmt.new_id(),
    kind            text NOT NULL,
    release_id      uuid,
    organization_id uuid,
    happened_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    payload         jsonb NOT NULL,
    CONSTRAINT outbox_event_pkey PRIMARY KEY (era, transaction, id)
);
COMMENT ON TABLE release_mgmt.outbox_event IS
'Events: every transition of a release or a change request, every approval and refusal, and what becomes of them. Written by triggers; applications drain them with drain_outbox().';
COMMENT ON COLUMN release_mgmt.outbox_event.era IS 'when this database was activated; transactions count anew in a restored one';
COMMENT ON COLUMN release_mgmt.outbox_event.transaction IS 'the number of the transaction in which it happened';
COMMENT ON COLUMN release_mgmt.outbox_event.organization_id IS 'of a change request: the organization that carries it out';
COMMENT ON COLUMN release_mgmt.outbox_event.payload IS 'codes of what it is about and of who did it, and what was said';
CREATE INDEX outbox_event_happened_at_idx ON release_mgmt.outbox_event (happened_at);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.outbox_event', '');
SELECT release_mgmt_internal.belongs('release_mgmt.outbox_event', 'release_id', sees => 'release_mgmt_internal.may_see(release_id, ''release'') OR release_mgmt_internal.may_see(organization_id, ''own'')');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.outbox_event');

CREATE TABLE release_mgmt.outbox_consumer (
    name        text,
    person_id   uuid NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    drained_at  timestamptz,
    era         timestamptz NOT NULL,
    transaction bigint NOT NULL,
    event_id    uuid NOT NULL,
    CONSTRAINT outbox_consumer_pkey PRIMARY KEY (name),
    CONSTRAINT outbox_consumer_person_id_fkey FOREIGN KEY (person_id) REFERENCES release_mgmt.person,
    CONSTRAINT outbox_consumer_name_check CHECK (name <> '')
);
COMMENT ON TABLE release_mgmt.outbox_consumer IS
'Applications that drain events, each with the last one that it has passed (era, transaction, event_id). Written by create_outbox_consumer(), drain_outbox() and drop_outbox_consumer().';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.outbox_consumer', '');
SELECT release_mgmt_internal.is_shared('release_mgmt.outbox_consumer', 'who is told of what happens');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.outbox_consumer');

-- SECURITY DEFINER from here on: events and positions are written by rules and verbs alone.
CREATE FUNCTION release_mgmt_internal.current_era() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT i.activated_at FROM release_mgmt.ledger_identity AS i;
END;
COMMENT ON FUNCTION release_mgmt_internal.current_era() IS 'When this database was activated.';

CREATE FUNCTION release_mgmt_internal.emit_event() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    said jsonb := to_jsonb(NEW);
    kind text := TG_ARGV[CASE TG_OP WHEN 'UPDATE' THEN 1 ELSE 0 END];
    about record;
BEGIN
    SELECT r.id AS release_id, c.id AS change_id, c.organization_id, r.code AS release, c.code AS change,
           (SELECT p.code FROM release_mgmt.person AS p WHERE p.id = release_mgmt_internal.acting_person()) AS acted_by,
           (SELECT p.code FROM release_mgmt.person AS p WHERE p.id = (said ->> 'seat_of')::uuid AND said ->> 'seat_of' <> said ->> 'approved_by') AS acted_for
    INTO about
    FROM (SELECT) AS always
    LEFT JOIN release_mgmt.release AS r ON r.id = (said ->> 'release_id')::uuid
    LEFT JOIN release_mgmt.change_request AS c ON c.id = (said ->> 'change_id')::uuid;
    INSERT INTO release_mgmt.outbox_event (era, transaction, kind, release_id, organization_id, payload)
    VALUES (release_mgmt_internal.current_era(), pg_current_xact_id()::text::bigint, kind, about.release_id, about.organization_id,
            jsonb_strip_nulls(jsonb_build_object(
                'release', about.release, 'change', about.change, 'by', about.acted_by, 'on_behalf_of', about.acted_for,
                'from', said -> 'from_state', 'to', said -> 'to_state', 'note', said -> 'note', 'body', said -> 'body', 'digest', said -> 'digest',
                'condition', said -> 'condition', 'evidence', said -> 'evidence', 'reason', coalesce(said ->> 'withdrawn_why', said ->> 'reason'), 'expires_at', said -> 'expires_at')));
    -- The notification says nothing, since it is not held against row-level security: whoever listens looks what it may see. One that
    -- commits holds a lock of the whole server, so nobody is notified as long as nobody drains.
    IF EXISTS (SELECT FROM release_mgmt.outbox_consumer) THEN
        PERFORM pg_notify('release_mgmt', '');
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.emit_event() IS
'Trigger with the kinds of event that an INSERT and an UPDATE are: writes the event, and notifies the channel release_mgmt where there is a consumer.';
CREATE TRIGGER rm_70_emit AFTER INSERT ON release_mgmt.release_state_history
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.emit_event('release state');
CREATE TRIGGER rm_70_emit AFTER INSERT ON release_mgmt.change_state_history
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.emit_event('change state');
CREATE TRIGGER rm_70_emit AFTER INSERT OR UPDATE ON release_mgmt.approval
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.emit_event('approved', 'approved');
CREATE TRIGGER rm_70_emit AFTER INSERT OR UPDATE ON release_mgmt.approval_condition
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.emit_event('condition set', 'condition discharged');
CREATE TRIGGER rm_70_emit AFTER INSERT ON release_mgmt.approval_refusal
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.emit_event('refused');
CREATE TRIGGER rm_71_emit AFTER UPDATE OF withdrawn_at ON release_mgmt.approval_refusal
FOR EACH ROW WHEN (release_mgmt_internal.is_active() AND NEW.withdrawn_at IS NOT NULL) EXECUTE FUNCTION release_mgmt_internal.emit_event('refused', 'refusal withdrawn');
CREATE TRIGGER rm_70_emit AFTER INSERT ON release_mgmt.roll_out_agreement
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.emit_event('roll-out agreed');

CREATE PROCEDURE release_mgmt.create_outbox_consumer(name text, from_start boolean DEFAULT false)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.acting_person();
    existing release_mgmt.outbox_consumer;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    IF acting IS NULL THEN
        PERFORM release_mgmt_internal.refuse('duty_missing', format('role "%s" is no person here', release_mgmt_internal.acting_role()),
            NULL, 'A DBA makes it one with CALL release_mgmt.grant_duty(role, duty, organization).');
    END IF;
    SELECT c.* INTO existing FROM release_mgmt.outbox_consumer AS c WHERE c.name = create_outbox_consumer.name;
    IF existing.person_id = acting THEN
        RETURN;
    ELSIF FOUND THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('outbox consumer "%s" is another person''s', name), NULL, 'Choose another name.');
    END IF;
    -- Of a transaction that runs now, everything is still to come.
    INSERT INTO release_mgmt.outbox_consumer (name, person_id, era, transaction, event_id)
    SELECT create_outbox_consumer.name, acting,
           CASE WHEN from_start THEN '-infinity' ELSE release_mgmt_internal.current_era() END,
           CASE WHEN from_start THEN 0 ELSE pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1 END,
           'ffffffff-ffff-ffff-ffff-ffffffffffff';
END $$;
COMMENT ON PROCEDURE release_mgmt.create_outbox_consumer(text, boolean) IS
'Makes the acting person a consumer of events under a name: drain_outbox(name) returns what happens from now on, or, where from_start is set, everything that is kept. From then on events notify the channel release_mgmt. Errors: RM003 no person, RM015 the name is another person''s.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'PROCEDURE release_mgmt.create_outbox_consumer(text, boolean)');

CREATE PROCEDURE release_mgmt.drop_outbox_consumer(name text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.require_active();
    IF EXISTS (SELECT FROM release_mgmt.outbox_consumer AS c
               WHERE c.name = drop_outbox_consumer.name AND c.person_id IS DISTINCT FROM release_mgmt_internal.acting_person()) AND NOT release_mgmt_internal.is_beyond_row_security() THEN
        PERFORM release_mgmt_internal.refuse('duty_missing', format('outbox consumer "%s" is another person''s', name), NULL, 'That person drops it, or a DBA.');
    END IF;
    DELETE FROM release_mgmt.outbox_consumer AS c WHERE c.name = drop_outbox_consumer.name;
END $$;
COMMENT ON PROCEDURE release_mgmt.drop_outbox_consumer(text) IS 'Forgets a consumer; one that is not there does no harm. For the person that made it and the extension''s owner. Errors: RM003 another person''s.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'PROCEDURE release_mgmt.drop_outbox_consumer(text)');

CREATE FUNCTION release_mgmt.drain_outbox(consumer text, max_events integer DEFAULT 100) RETURNS SETOF release_mgmt.outbox_event
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 100 SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    draining release_mgmt.outbox_consumer;
    -- NULL: everything.
    releases uuid[] := release_mgmt_internal.seen('release', false);
    organizations uuid[] := release_mgmt_internal.seen('own', false);
    event release_mgmt.outbox_event;
    this_era CONSTANT timestamptz := release_mgmt_internal.current_era();
    returned integer := 0;
    passed boolean := false;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    IF max_events IS NULL OR max_events <= 0 THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', 'at least one event is drained at a time', format('Asked for were %s.', coalesce(max_events::text, 'NULL')), NULL);
    END IF;
    -- Two that drain for one consumer wait in turn; the later one then begins behind what the earlier one committed.
    SELECT c.* INTO draining FROM release_mgmt.outbox_consumer AS c WHERE c.name = consumer FOR NO KEY UPDATE;
    IF NOT FOUND OR draining.person_id IS DISTINCT FROM release_mgmt_internal.acting_person() THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('outbox consumer "%s" does not exist', consumer), NULL,
            'Make one: CALL release_mgmt.create_outbox_consumer(name). It drains for the person that made it.');
    END IF;
    -- What is seen and what is finished, by one snapshot.
    FOR event IN
        SELECT e.* FROM release_mgmt.outbox_event AS e
        WHERE (e.era, e.transaction, e.id) > (draining.era, draining.transaction, draining.event_id)
          AND (e.era < this_era OR e.transaction < (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint))
        ORDER BY e.era, e.transaction, e.id
    LOOP
        passed := true;
        draining.era := event.era;
        draining.transaction := event.transaction;
        draining.event_id := event.id;
        IF releases IS NULL OR event.release_id = ANY (releases) OR event.organization_id = ANY (organizations) THEN
            RETURN NEXT event;
            returned := returned + 1;
            EXIT WHEN returned = max_events;
        END IF;
    END LOOP;
    IF passed THEN
        UPDATE release_mgmt.outbox_consumer AS c
        SET era = draining.era, transaction = draining.transaction, event_id = draining.event_id, drained_at = now()
        WHERE c.name = draining.name;
    END IF;
END $$;
COMMENT ON FUNCTION release_mgmt.drain_outbox(text, integer) IS
'The next events for a consumer, at most max_events of them, in the order of their transactions: each exactly once, since the position moves in the caller''s transaction. Do what an event asks for in the same transaction; if that is rolled back, or the application dies before it commits, the events come again, and when it commits they never do. Events that the person does not see are passed by. An event comes when every transaction that began before its own has ended. Two calls for one consumer wait in turn; under repeatable read the later fails with 40001. Errors: RM002 no such consumer of that person, RM015 max_events is not positive.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.drain_outbox(text, integer)');

CREATE FUNCTION release_mgmt.trim_outbox(before timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    trimmed bigint;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    -- Nobody passes anything by meanwhile, and nobody begins.
    LOCK TABLE release_mgmt.outbox_consumer IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM release_mgmt.outbox_event AS e
    WHERE e.happened_at < before
      AND (e.era < release_mgmt_internal.current_era() OR e.transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint)
      AND NOT EXISTS (SELECT FROM release_mgmt.outbox_consumer AS c WHERE (c.era, c.transaction, c.event_id) < (e.era, e.transaction, e.id));
    GET DIAGNOSTICS trimmed = ROW_COUNT;
    RETURN trimmed;
END $$;
COMMENT ON FUNCTION release_mgmt.trim_outbox(timestamptz) IS
'Deletes the events that happened before a time and that every consumer has passed, and returns how many. What happened stays in the histories and the ledger. A consumer that does not drain keeps everything after its position: drop it. For the extension''s owner.';

CREATE VIEW release_mgmt.outbox_status WITH (security_invoker = true) AS
SELECT c.name AS consumer, p.code AS person, c.created_at, c.drained_at, w.waiting, w.oldest
FROM release_mgmt.outbox_consumer AS c
JOIN release_mgmt.person AS p ON p.id = c.person_id
CROSS JOIN LATERAL (SELECT count(*) AS waiting, min(e.happened_at) AS oldest FROM release_mgmt.outbox_event AS e
                    WHERE (e.era, e.transaction, e.id) > (c.era, c.transaction, c.event_id)) AS w;
COMMENT ON VIEW release_mgmt.outbox_status IS 'Each consumer, when it last drained, and how many events that whoever asks may see wait for it, since when.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.outbox_status');
