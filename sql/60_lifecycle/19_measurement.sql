-- Module lifecycle: numbers that were measured for criteria.

CREATE TABLE release_mgmt.criterion_measurement (
    id               uuid DEFAULT release_mgmt.new_id(),
    release_id       uuid NOT NULL,
    gate             text NOT NULL,
    criterion        text NOT NULL,
    criterion_digest release_mgmt.digest NOT NULL,
    package_digest   release_mgmt.digest NOT NULL,
    value            numeric NOT NULL,
    unit             text NOT NULL,
    evidence         text NOT NULL,
    measured_by      uuid NOT NULL,
    measured_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT criterion_measurement_pkey PRIMARY KEY (id),
    CONSTRAINT criterion_measurement_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT criterion_measurement_measured_by_fkey FOREIGN KEY (measured_by) REFERENCES release_mgmt.person,
    CONSTRAINT criterion_measurement_value_check CHECK (value NOT IN ('NaN', 'Infinity', '-Infinity')),
    CONSTRAINT criterion_measurement_evidence_check CHECK (evidence <> '')
);
COMMENT ON TABLE release_mgmt.criterion_measurement IS
'What was measured for criteria of kind measure. Written by record_measurement(). The last one on the sealed package counts, while the criterion is what it was.';
COMMENT ON COLUMN release_mgmt.criterion_measurement.package_digest IS 'of the sealed package that was measured';
COMMENT ON COLUMN release_mgmt.criterion_measurement.evidence IS 'where the number comes from: a report, a query, an address';
CREATE INDEX criterion_measurement_release_id_idx ON release_mgmt.criterion_measurement (release_id, measured_at);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.criterion_measurement', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.criterion_measurement');
SELECT release_mgmt_internal.belongs('release_mgmt.criterion_measurement', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.criterion_measurement');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.criterion_measurement
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

-- SECURITY DEFINER: the name of a criterion is looked up, and measurements are written, by verbs alone.
CREATE FUNCTION release_mgmt_internal.find_criterion(release uuid, criterion text, gate text) RETURNS TABLE (found_gate text, digest release_mgmt.digest)
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    gates text;
    found_count integer;
BEGIN
    SELECT count(*), string_agg(c.gate, ', ' ORDER BY c.gate_ordinal) INTO found_count, gates
    FROM release_mgmt_internal.criteria_of(release) AS c
    WHERE c.criterion = find_criterion.criterion AND c.gate = coalesce(find_criterion.gate, c.gate);
    IF found_count = 0 THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('criterion "%s" does not exist', concat_ws('" of the gate to "', criterion, gate)), NULL,
            'The criteria of a release are in release_mgmt.release_criteria.');
    ELSIF found_count > 1 THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('criterion "%s" belongs to more than one gate', criterion), format('These are: %s.', gates), 'Name the gate, too.');
    END IF;
    RETURN QUERY SELECT c.gate, c.digest FROM release_mgmt_internal.criteria_of(release) AS c
    WHERE c.criterion = find_criterion.criterion AND c.gate = coalesce(find_criterion.gate, c.gate);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.find_criterion(uuid, text, text) IS
'The gate and digest of the release''s criterion with that name; gate may be NULL where one gate alone has it. Errors: RM002 no such criterion, or several.';

CREATE FUNCTION release_mgmt.record_measurement(release text, criterion text, value numeric, unit text, evidence text, gate text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    of_release uuid := release_mgmt.release_id(release);
    measured record;
    acting uuid;
    sealed release_mgmt.digest;
    faults text[] := '{}';
    measurement uuid;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    SELECT c.* INTO measured
    FROM release_mgmt_internal.find_criterion(of_release, criterion, gate) AS f
    JOIN release_mgmt_internal.criteria_of(of_release) AS c ON c.gate = f.found_gate AND c.criterion = record_measurement.criterion;
    IF measured.kind <> 'measure' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('criterion "%s" is no measure', criterion), format('It is a %s.', measured.kind), 'It is evaluated at its gate.');
    END IF;
    acting := release_mgmt_internal.require_duty(measured.duty);
    PERFORM release_mgmt_internal.require_duty_for(of_release, measured.duty);
    PERFORM FROM release_mgmt.release AS r WHERE r.id = of_release FOR NO KEY UPDATE;
    SELECT p.digest INTO sealed FROM release_mgmt.release_package AS p WHERE p.release_id = of_release AND p.current;
    IF unit IS DISTINCT FROM measured.unit THEN
        faults := faults || format('it is measured in %s, not in %s', measured.unit, coalesce(unit, 'nothing'));
    END IF;
    IF value IS NULL OR value IN ('NaN', 'Infinity', '-Infinity') THEN
        faults := faults || 'the value is no number'::text;
    END IF;
    IF coalesce(evidence, '') = '' THEN
        faults := faults || 'no evidence says where the value comes from'::text;
    END IF;
    IF sealed IS NULL THEN
        faults := faults || 'the package is not sealed, so that nobody could tell what was measured'::text;
    END IF;
    faults := faults || ('the criterion is ' || release_mgmt_internal.not_agreed_by(of_release, measured.digest));
    faults := array_remove(faults, NULL);
    IF faults <> '{}' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('no measurement of "%s" can be recorded for release "%s"', criterion, release),
            (SELECT string_agg(upper(left(f.fault, 1)) || substr(f.fault, 2) || '.', E'\n' ORDER BY f.place) FROM unnest(faults) WITH ORDINALITY AS f(fault, place)),
            'A criterion is agreed with the customers first (agree_criteria()), and measured on the sealed package then.');
    END IF;

    SELECT m.id INTO measurement
    FROM (SELECT l.* FROM release_mgmt.criterion_measurement AS l
          WHERE l.release_id = of_release AND l.gate = measured.gate AND l.criterion = measured.criterion ORDER BY l.measured_at DESC LIMIT 1) AS m
    WHERE m.criterion_digest = measured.digest AND m.package_digest = sealed AND m.value = record_measurement.value AND m.evidence = record_measurement.evidence AND m.measured_by = acting;
    IF measurement IS NULL THEN
        INSERT INTO release_mgmt.criterion_measurement (release_id, gate, criterion, criterion_digest, package_digest, value, unit, evidence, measured_by)
        VALUES (of_release, measured.gate, measured.criterion, measured.digest, sealed, value, unit, evidence, acting) RETURNING id INTO measurement;
    END IF;
    RETURN measurement;
END $$;
COMMENT ON FUNCTION release_mgmt.record_measurement(text, text, numeric, text, text, text) IS
'Records what was measured for a criterion on the sealed package, and returns the measurement''s id. unit: the criterion''s own; evidence: where the number comes from; gate: only where several gates have a criterion of that name. The last one counts; the same once more is the same one. Errors: RM002 unknown release or criterion, RM003 without the duty that the criterion names, RM015 another unit, no number, no evidence, nothing sealed, not yet agreed: all listed.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.record_measurement(text, text, numeric, text, text, text)');
