-- A rule that concerns some columns of a table: when_changed() calls it for the rows in which one of them changed.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('changed.example.org');

CREATE FUNCTION release_mgmt_internal.mend() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.mended := concat_ws(', ', OLD.mended, format('%s %s %s', TG_NAME, TG_WHEN, NEW.id));
    RETURN NEW;
END $$;
CREATE TABLE item (id integer PRIMARY KEY, state text, at tstzrange, big text, other text, mended text);
CREATE TRIGGER rm_50_mend BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION release_mgmt_internal.when_changed('mend', 'state', 'at', 'big');
ALTER TABLE item ALTER COLUMN big SET STORAGE EXTERNAL;
INSERT INTO item VALUES (1, 'draft', NULL, repeat('a', 5000)), (2, NULL, '[2026-01-01,2026-02-01)', NULL);

-- Whoever may write to the table need not have the right to look the rule up.
CREATE ROLE regress_writer;
GRANT SELECT, UPDATE ON item TO regress_writer;
SET ROLE regress_writer;
-- Not where another column changes, nor where the statement gives a column the value that it has.
UPDATE item SET other = 'x';
UPDATE item SET state = state, at = at, big = big;
UPDATE item SET big = repeat('a', 5000) WHERE id = 1;
SELECT id, mended FROM item ORDER BY id;
-- NULL is a value as any; each row is looked at for itself.
UPDATE item SET state = 'draft';
UPDATE item SET at = NULL;
UPDATE item SET big = repeat('b', 5000) WHERE id = 1;
SELECT id, mended FROM item ORDER BY id;
UPDATE item SET mended = NULL;

RESET ROLE;

-- What counts is the row, not the columns that the statement names: a trigger before this one may change another.
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.state := NEW.other; RETURN NEW; END $$;
CREATE TRIGGER a_meddle BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION meddle();
UPDATE item SET other = 'built' WHERE id = 2;
SELECT id, state, mended FROM item ORDER BY id;
DROP TRIGGER a_meddle ON item;

-- The rule may refuse, and may leave the row out.
CREATE FUNCTION release_mgmt_internal.judge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state = 'never' THEN
        RAISE EXCEPTION 'never';
    END IF;
    RETURN CASE WHEN NEW.state <> 'not this' THEN NEW END;
END $$;
CREATE TRIGGER rm_51_judge BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION release_mgmt_internal.when_changed('judge', 'state');
UPDATE item SET state = 'never';
UPDATE item SET state = CASE id WHEN 1 THEN 'not this' ELSE 'this' END RETURNING id, state;

-- After the row is written.
CREATE FUNCTION release_mgmt_internal.follow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING '% % to %', TG_NAME, OLD.state, NEW.state; RETURN NULL; END $$;
CREATE TRIGGER rm_60_follow AFTER UPDATE ON item FOR EACH ROW EXECUTE FUNCTION release_mgmt_internal.when_changed('follow', 'state');
UPDATE item SET other = 'y';
UPDATE item SET state = 'sealed';

-- A column that is renamed, or a function that is gone, is an error and no rule that rests.
ALTER TABLE item RENAME COLUMN at TO planned;
UPDATE item SET other = 'z';
ALTER TABLE item RENAME COLUMN planned TO at;
DROP FUNCTION release_mgmt_internal.follow();
UPDATE item SET other = 'z';
UPDATE item SET state = 'testing';
DROP TRIGGER rm_60_follow ON item;
CREATE TRIGGER rm_60_wrong BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION release_mgmt_internal.when_changed('mend', 'state');
INSERT INTO item VALUES (3);
DROP TRIGGER rm_60_wrong ON item;

-- Rules rest in an inactive database.
UPDATE item SET mended = NULL;
DELETE FROM release_mgmt.ledger_identity;
UPDATE item SET state = 'never';
SELECT id, state, mended FROM item ORDER BY id;
DROP OWNED BY regress_writer;
DROP ROLE regress_writer;
