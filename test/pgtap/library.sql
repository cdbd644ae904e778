-- The library's rules: name the rule, break it, see the error.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('library.example.org') AS origin \gset
CREATE ROLE regress_librarian;
CREATE ROLE regress_worker;
CREATE ROLE regress_nobody;
GRANT USAGE ON SCHEMA release_mgmt TO regress_nobody;
CALL release_mgmt.grant_duty('regress_librarian', 'librarian', 'Provider');
CALL release_mgmt.grant_duty('regress_worker', 'operator', 'Provider');
SET search_path = public, release_mgmt;
SELECT plan(58);

-- A document: the server does not look into it.
SET ROLE regress_librarian;
SELECT begin_intake('pkg:generic/manual@1.0', 'document', 'Operations', 'CC-BY-4.0', 'change', 'CHG-1') AS item \gset
SELECT is(begin_intake('pkg:generic/manual@1.0', 'document', 'Operations', 'CC-BY-4.0', 'change', 'CHG-1'), :'item'::uuid,
          'the same intake, begun twice and still empty, is one item');
SELECT lives_ok(format('CALL append_content(%L, %L)', :'item', 'page one'::bytea), 'a librarian appends content');
SELECT isnt(begin_intake('pkg:generic/manual@1.0', 'document', 'Operations', 'CC-BY-4.0', 'change', 'CHG-1'), :'item'::uuid,
            'an intake that holds content is not begun again');
SELECT lives_ok(format('CALL append_content(%L, %L, 0)', :'item', 'page one'::bytea), 'a chunk repeated with its place does no harm');
SELECT throws_ok(format('CALL append_content(%L, %L, 0)', :'item', 'page two'::bytea), 'RM015', NULL,
                 'another chunk at that place is refused');
SELECT throws_ok(format('CALL append_content(%L, %L, 99)', :'item', 'page two'::bytea), 'RM015', NULL,
                 'a chunk that leaves a gap is refused');
SELECT lives_ok(format('CALL append_content(%L, %L, 8)', :'item', ', page two'::bytea), 'the next chunk at its place is taken');
SELECT lives_ok(format('CALL append_content(%L, %L)', :'item', ''::bytea), 'an empty chunk is nothing');
SELECT throws_ok(format('CALL accept_item(%L)', :'item'), 'RM015', NULL, 'an item whose intake is open can not be accepted');
SELECT throws_ok(format('SELECT finish_intake(%L, compute_digest(%L))', :'item', 'other'::bytea), 'RM007',
                 'content of library item pkg:generic/manual@1.0 is not what was expected', 'another digest is refused');
RESET ROLE;
SELECT is((SELECT digest IS NULL AND state = 'quarantined' FROM library_item WHERE id = :'item'), true,
          'and leaves the intake open, nothing half done');
SET ROLE regress_librarian;
SELECT is(finish_intake(:'item', compute_digest('page one, page two', 'sha512')), compute_digest('page one, page two'),
          'the expected digest may be of any algorithm; the library keeps SHA-256');
SELECT is(finish_intake(:'item', compute_digest('page one, page two')), compute_digest('page one, page two'),
          'finishing again with the right digest does no harm');
SELECT throws_ok(format('SELECT finish_intake(%L, compute_digest(%L))', :'item', 'other'::bytea), 'RM007', NULL,
                 'finishing again with another digest is refused');
SELECT throws_ok(format('CALL append_content(%L, %L)', :'item', 'page three'::bytea), 'RM009', NULL,
                 'a finished intake takes no more content');
SELECT lives_ok(format($$INSERT INTO package_clause (item_id, kind, clause_no, name, versions, text)
                         VALUES (%L, 'requires', 1, 'viewer', '[generic/2,)', 'viewer 2 or later')$$, :'item'),
                'before acceptance a librarian states what an item requires that the server can not read');
SELECT throws_ok($$INSERT INTO package_clause (known_package_id, kind, clause_no, name, text)
                   VALUES (new_id(), 'provides', 1, 'viewer', 'viewer')$$, '42501', NULL,
                 'but nothing of packages that are merely known');

-- Only accepted items go out.
SET ROLE regress_worker;
SELECT throws_ok(format('SELECT read_content(%L, 0)', :'item'), 'RM018', NULL, 'a quarantined item does not go out');
SELECT throws_ok('SELECT read_content(''00000000-0000-7000-8000-000000000000'', 0)', 'RM018', NULL, 'nor does one that is not there');
SELECT throws_ok(format('CALL accept_item(%L)', :'item'), '42501', NULL, 'a worker can not accept');
SET ROLE regress_librarian;
SELECT lives_ok(format('CALL accept_item(%L)', :'item'), 'a librarian accepts');
SELECT lives_ok(format('CALL accept_item(%L)', :'item'), 'accepting twice does no harm');
SELECT throws_ok(format($$INSERT INTO package_clause (item_id, kind, clause_no, name, text)
                          VALUES (%L, 'requires', 2, 'more', 'more')$$, :'item'), 'RM009', NULL, 'an accepted item''s clauses are fixed');
SET ROLE regress_worker;
SELECT is(read_content(:'item', 0), 'page one'::bytea, 'an accepted item goes out, first chunk');
SELECT is(read_content(:'item', 1), ', page two'::bytea, 'second chunk');
SELECT is(read_content(:'item', 2), NULL, 'after the last chunk there is nothing');
SELECT throws_ok('SELECT content FROM library_content', '42501', NULL, 'content is read through read_content() alone');

-- A long chunk is cut.
SET ROLE regress_librarian;
SELECT begin_intake('pkg:generic/data@1', 'data') AS long \gset
CALL append_content(:'long', convert_to(repeat('0123456789abcdef', 163841), 'UTF8'));
CALL append_content(:'long', convert_to(repeat('0123456789abcdef', 163841), 'UTF8'), 0);
RESET ROLE;
SELECT is((SELECT array_agg(length(content) ORDER BY chunk_no) FROM library_content WHERE item_id = :'long'),
          '{1048576,1048576,524304}', 'content is kept in chunks of at most 1 MiB');
SET ROLE regress_librarian;
SELECT is(finish_intake(:'long', compute_digest(convert_to(repeat('0123456789abcdef', 163841), 'UTF8'))),
          compute_digest(convert_to(repeat('0123456789abcdef', 163841), 'UTF8')), 'and is digested as one');
SELECT lives_ok(format('CALL reject_item(%L, %L)', :'long', 'came without a licence'), 'a librarian rejects, with a reason');
SELECT lives_ok(format('CALL reject_item(%L, %L)', :'long', 'came without a licence'), 'rejecting twice does no harm');
SELECT throws_ok(format('CALL accept_item(%L)', :'long'), 'RM015', NULL, 'a rejected item can not be accepted');
SELECT throws_ok(format('CALL retire_item(%L, %L)', :'long', 'old'), 'RM015', NULL, 'nor retired');

-- One purl names one accepted content.
SELECT begin_intake('pkg:generic/manual@1.0', 'document') AS second \gset
CALL append_content(:'second', 'tampered');
SELECT finish_intake(:'second', compute_digest('tampered')) AS digest \gset
SELECT throws_like(format('CALL accept_item(%L)', :'second'), '%holds an accepted item pkg:generic/manual@1.0 already%',
                   'a second content under an accepted purl is refused');
SELECT throws_ok(format('CALL retire_item(%L, NULL)', :'item'), '23514', NULL, 'retiring needs a reason');
SELECT lives_ok(format('CALL retire_item(%L, %L)', :'item', 'superseded'), 'a librarian retires');
SELECT lives_ok(format('CALL accept_item(%L)', :'second'), 'then the other content may follow');
SET ROLE regress_worker;
SELECT throws_ok(format('SELECT read_content(%L, 0)', :'item'), 'RM018', NULL, 'a retired item does not go out');

-- The rules hold for the tables' owner.
RESET ROLE;
SELECT throws_ok(format('UPDATE library_content SET content = %L WHERE item_id = %L', 'x', :'second'), 'RM009', NULL, 'content is never altered');
SELECT throws_ok(format('DELETE FROM library_content WHERE item_id = %L', :'second'), 'RM009', NULL, 'nor deleted');
SELECT throws_ok(format('UPDATE library_item SET state = %L WHERE id = %L', 'quarantined', :'second'), 'RM015', NULL, 'no way leads back');
SELECT throws_ok(format('UPDATE library_item SET digest = compute_digest(%L) WHERE id = %L', 'x', :'second'), 'RM009', NULL, 'a digest stays');
SELECT throws_ok(format('UPDATE library_item SET purl = %L WHERE id = %L', 'pkg:generic/x@1', :'second'), 'RM009', NULL, 'so does a purl');
SELECT throws_ok(format('UPDATE library_item SET source_reference = %L WHERE id = %L', 'CHG-2', :'second'), 'RM009', NULL, 'and a source');
SELECT throws_ok(format('DELETE FROM library_item WHERE id = %L', :'second'), 'RM009', NULL, 'an item is not deleted');
SELECT throws_ok(format($$INSERT INTO library_item (purl, name, state, digest, size, taken_in_by, accepted_by, accepted_at)
                          SELECT 'pkg:generic/back@1', 'back', 'accepted', digest, 1, taken_in_by, taken_in_by, now()
                          FROM library_item WHERE id = %L$$, :'second'), 'RM015', NULL, 'nothing enters but through quarantine');
SELECT throws_ok('TRUNCATE library_content', 'RM013', NULL, 'content is not truncated');
SELECT throws_ok(format('INSERT INTO library_file VALUES (%L, %L, compute_digest(%L), 1, 420)', :'second', 'x', 'x'), 'RM009', NULL,
                 'files of a finished item are fixed');

-- Checks registered at the point intake are asked.
CREATE FUNCTION public.no_tampering(item uuid) RETURNS check_result LANGUAGE sql STABLE AS
$$SELECT ROW(i.owner IS NOT NULL, 'an owner', 'librarian', NULL)::check_result FROM library_item AS i WHERE i.id = item$$;
INSERT INTO registered_check (name, point, function_name, proves) VALUES ('owner_named', 'intake', 'public.no_tampering', 'every item has an owner');
SET ROLE regress_librarian;
SELECT begin_intake('pkg:generic/third@1') AS third \gset
CALL append_content(:'third', 'third');
SELECT finish_intake(:'third', compute_digest('third')) AS digest \gset
SELECT throws_ok(format('CALL accept_item(%L)', :'third'), 'RM005', NULL, 'a registered check that is not met forbids acceptance');
RESET ROLE;
DELETE FROM registered_check WHERE name = 'owner_named';
SET ROLE regress_librarian;
SELECT lives_ok(format('CALL accept_item(%L)', :'third'), 'without it the item is accepted');

-- Who has no duty has no way.
SET ROLE regress_nobody;
SELECT throws_ok('SELECT begin_intake(''pkg:generic/x@1'')', '42501', NULL, 'without a duty nothing is taken in');
RESET ROLE;
SELECT throws_ok('SELECT begin_intake(''pkg:generic/x@1'')', 'RM003', NULL, 'a superuser too needs the duty');

-- What is installed is known by its control data.
SET ROLE regress_librarian;
SELECT is(load_package_clauses(E'Package: a\nVersion: 1\nArchitecture: all\nDepends: b (>= 2), c | d\n\nPackage: b\nStatus: deinstall ok config-files\nVersion: 3\nArchitecture: all\n'),
          1::bigint, 'of a status file, what is installed is learnt');
SELECT is(load_package_clauses(E'Package: a\nVersion: 1\nArchitecture: all\nDepends: b (>= 2), c | d\n'), 0::bigint, 'the same again changes nothing');
SELECT is(load_package_clauses(E'Package: a\nVersion: 1\nArchitecture: all\nDepends: e\n'), 1::bigint, 'what it says now replaces what it said');
SELECT results_eq($$SELECT c.kind, c.name, c.text FROM package_clause AS c JOIN known_package AS k ON k.id = c.known_package_id WHERE k.name = 'a'$$,
                  $$VALUES ('requires', 'e', 'e')$$, 'and only that');
SELECT throws_ok($$SELECT load_package_clauses('this is no control data')$$, 'RM019', 'control data can not be read', 'other text is refused');

-- The report
SELECT results_eq($$SELECT change, item, owner, source_kind, source_reference, person, reason FROM library_change_report
                    WHERE item LIKE '%manual%' OR item LIKE '%data%' ORDER BY at, item, change, reason$$,
    $$VALUES ('added', 'pkg:generic/manual@1.0', 'Operations', 'change', 'CHG-1', 'regress_librarian', NULL),
             ('rejected', 'pkg:generic/data@1', NULL, NULL, NULL, 'regress_librarian', 'came without a licence'),
             ('retired', 'pkg:generic/manual@1.0', 'Operations', 'change', 'CHG-1', 'regress_librarian', 'superseded'),
             ('added', 'pkg:generic/manual@1.0', NULL, NULL, NULL, 'regress_librarian', NULL)$$,
    'the monthly report shows additions and ends with owner and source');
SELECT * FROM finish();
