-- Module party, fourth part: the verbs for signing keys, and when what was signed with one counts.

-- SECURITY DEFINER: a person may register and revoke a key of its own without holding a privilege on the table.
CREATE PROCEDURE release_mgmt.register_signing_key(code text, public_key text, valid_until timestamptz DEFAULT NULL)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.acting_person();
BEGIN
    PERFORM release_mgmt_internal.require_active();
    IF acting IS NULL THEN
        PERFORM release_mgmt_internal.refuse('duty_missing', format('role "%s" is no person here', release_mgmt_internal.acting_role()),
            NULL, 'A DBA makes it one with CALL release_mgmt.grant_duty(role, duty, organization).');
    END IF;
    IF EXISTS (SELECT FROM release_mgmt.signing_key AS k
               WHERE k.code = register_signing_key.code AND k.person_id = acting AND k.public_key = register_signing_key.public_key
                 AND k.valid_until IS NOT DISTINCT FROM register_signing_key.valid_until) THEN
        RETURN;
    END IF;
    IF public_key NOT LIKE '-----BEGIN PUBLIC KEY-----%' THEN
        -- Says nothing of what was given: it may have been the private key.
        PERFORM release_mgmt_internal.refuse('bad_content', format('signing key "%s" is no public key in PEM', code), NULL,
            'Give what "openssl pkey -in key.pem -pubout" writes.');
    END IF;
    IF valid_until <= now() THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('signing key "%s" would be of no use', code), format('It would have been valid until %s.', valid_until), NULL);
    END IF;
    INSERT INTO release_mgmt.signing_key (code, person_id, public_key, registered_at, valid_until) VALUES (code, acting, public_key, now(), valid_until);
END $$;
COMMENT ON PROCEDURE release_mgmt.register_signing_key(text, text, timestamptz) IS
'Registers the acting person''s public key under a code; public_key is PEM as "openssl pkey -pubout" writes it; valid_until: what is signed from then on does not count, NULL: no end. Errors: RM003 no person, RM015 valid_until is over, RM019 not a public key, 23505 the code is taken.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'PROCEDURE release_mgmt.register_signing_key(text, text, timestamptz)');

CREATE PROCEDURE release_mgmt.revoke_signing_key(code text, reason text, since timestamptz DEFAULT now())
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    revoking release_mgmt.signing_key;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    SELECT k.* INTO revoking FROM release_mgmt.signing_key AS k WHERE k.code = revoke_signing_key.code FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('signing key "%s" does not exist', code), NULL, 'Keys are the rows of release_mgmt.signing_key.');
    END IF;
    IF revoking.person_id IS DISTINCT FROM release_mgmt_internal.acting_person() AND NOT release_mgmt_internal.is_beyond_row_security() THEN
        PERFORM release_mgmt_internal.refuse('duty_missing', format('signing key "%s" is not one of role "%s"', code, release_mgmt_internal.acting_role()), NULL,
            'Its holder revokes it, or a DBA.');
    END IF;
    IF coalesce(btrim(reason), '') = '' OR since IS NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('signing key "%s" is revoked for a reason, and from a time on', code), NULL, NULL);
    END IF;
    -- What does not count any more does not begin to count again.
    UPDATE release_mgmt.signing_key AS k SET revoked_from = since, revocation_reason = reason
    WHERE k.id = revoking.id AND (k.revoked_from IS NULL OR k.revoked_from > since);
END $$;
COMMENT ON PROCEDURE release_mgmt.revoke_signing_key(text, text, timestamptz) IS
'Revokes a signing key: what was signed with it since that time, which may lie in the past, does not count, and it signs nothing more. A time that is later than the one already stated changes nothing. For its holder and the extension''s owner. Errors: RM002 unknown key, RM003 another''s key, RM015 no reason.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'PROCEDURE release_mgmt.revoke_signing_key(text, text, timestamptz)');

CREATE FUNCTION release_mgmt_internal.key_holds(key uuid, at timestamptz) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(k.registered_at <= key_holds.at, true) AND coalesce(key_holds.at < least(k.valid_until, k.revoked_from), true)
    FROM release_mgmt.signing_key AS k WHERE k.id = key_holds.key;
END;
COMMENT ON FUNCTION release_mgmt_internal.key_holds(uuid, timestamptz) IS 'Does what was signed with the key at that time count: registered by then, not over, not revoked?';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.key_holds(uuid, timestamptz)');
