-- Module library, third part: the rules beneath every road to these tables.

-- SECURITY DEFINER, both: whoever writes to the tables need not reach the internals that say no.
CREATE FUNCTION release_mgmt_internal.library_item_rule() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM release_mgmt_internal.refuse('sealed', format('library item %s can not be deleted', old.purl),
            'What was once in the library stays on record.', 'Use reject_item() in quarantine, retire_item() after acceptance.');
    ELSIF TG_OP = 'INSERT' THEN
        IF new.state <> 'quarantined' OR num_nonnulls(new.digest, new.accepted_by, new.accepted_at, new.ended_by) > 0 THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('library item %s must begin in quarantine', new.purl),
                NULL, 'Use begin_intake(), append_content(), finish_intake() and accept_item().');
        END IF;
    ELSE
        IF (new.id, new.purl::text, new.name, new.version::text, new.kind, new.owner, new.licence, new.source_kind,
            new.source_reference, new.taken_in_by, new.taken_in_at)
           IS DISTINCT FROM
           (old.id, old.purl::text, old.name, old.version::text, old.kind, old.owner, old.licence, old.source_kind,
            old.source_reference, old.taken_in_by, old.taken_in_at)
           OR (old.digest IS NOT NULL
               AND (new.digest, new.size, new.architecture, new.multi_arch, new.built_from::text)
                   IS DISTINCT FROM (old.digest, old.size, old.architecture, old.multi_arch, old.built_from::text))
           OR (old.accepted_at IS NOT NULL
               AND (new.accepted_by, new.accepted_at) IS DISTINCT FROM (old.accepted_by, old.accepted_at)) THEN
            PERFORM release_mgmt_internal.refuse('sealed', format('the record of library item %s can not be altered', old.purl),
                'What came in, from where and by whom is fixed; so is its digest once the intake is finished.',
                'Take the item in again with begin_intake(), and retire this one.');
        END IF;
        IF new.state <> old.state
           AND (old.state, new.state) NOT IN (('quarantined', 'accepted'), ('quarantined', 'rejected'), ('accepted', 'retired')) THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('library item %s can not go from %s to %s', old.purl, old.state, new.state),
                'The ways are quarantined to accepted or rejected, and accepted to retired.');
        END IF;
    END IF;
    RETURN new;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.library_item_rule() IS
'Trigger: an item begins in quarantine, goes the ways there are, is never deleted, and what identifies it never changes.';
CREATE TRIGGER rm_50_rule BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.library_item
    FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.library_item_rule();

CREATE FUNCTION release_mgmt_internal.library_part_rule() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    item release_mgmt.library_item;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM release_mgmt_internal.refuse('sealed', 'content of the library is never altered',
            format('%s on %s.', TG_OP, TG_TABLE_NAME), 'Take the item in again with begin_intake(), and reject or retire this one.');
    END IF;
    -- FOR SHARE: finish_intake() and accept_item() wait for this row, and this row for them.
    SELECT * INTO item FROM release_mgmt.library_item AS i WHERE i.id = new.item_id FOR SHARE;
    IF item.state <> 'quarantined' OR (item.digest IS NOT NULL AND TG_TABLE_NAME <> 'package_clause') THEN
        PERFORM release_mgmt_internal.refuse('sealed', format('library item %s takes no more content', item.purl),
            format('It is %s, and its intake is %s.', item.state, CASE WHEN item.digest IS NULL THEN 'open' ELSE 'finished' END),
            'Begin a new intake with begin_intake().');
    END IF;
    IF TG_TABLE_NAME = 'package_clause' AND item.digest IS NOT NULL AND purl_type(item.purl) = 'deb' THEN
        PERFORM release_mgmt_internal.refuse('sealed', format('the clauses of library item %s stand in the package itself', item.purl),
            'finish_intake() has read them.');
    END IF;
    RETURN new;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.library_part_rule() IS
'Trigger on what belongs to an item: only added, only in quarantine; content and files only until the intake is finished, clauses of items that the server can not read until acceptance.';
CREATE TRIGGER rm_50_rule BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.library_content
    FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.library_part_rule();
CREATE TRIGGER rm_50_rule BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.library_file
    FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.library_part_rule();
CREATE TRIGGER rm_50_rule_insert BEFORE INSERT ON release_mgmt.package_clause
    FOR EACH ROW WHEN (new.item_id IS NOT NULL AND release_mgmt_internal.is_active())
    EXECUTE FUNCTION release_mgmt_internal.library_part_rule();
CREATE TRIGGER rm_50_rule_update BEFORE UPDATE ON release_mgmt.package_clause
    FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.library_part_rule();
CREATE TRIGGER rm_50_rule_delete BEFORE DELETE ON release_mgmt.package_clause
    FOR EACH ROW WHEN (old.item_id IS NOT NULL AND release_mgmt_internal.is_active())
    EXECUTE FUNCTION release_mgmt_internal.library_part_rule();
