-- read_tap: what the output of a test says. Text that is no TAP has failed; nothing raises an error.
\set SHOW_CONTEXT never
\pset null '-'
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
CREATE TABLE output (n serial, what text, tap text);

-- Well formed.
INSERT INTO output (what, tap) VALUES
('one test', E'1..1\nok 1\n'),
('version 13, plan at the end, no last newline', E'TAP version 13\nok 1 - a\nok 2 - b\n1..2'),
('version 14', E'TAP version 14\n1..1\nok 1\n'),
('lines ended by CR LF', E'1..2\r\nok 1\r\nok 2\r\n'),
('lines ended by CR', E'1..2\rok 1\rok 2\r'),
('no numbers', E'1..3\nok\nok - b\nok c\n'),
('any order', E'1..3\nok 2\nok 3\nok 1\n'),
('a description that begins with a digit', E'1..1\nok 2nd try\n'),
('a plan with a comment', E'1..1 # just one\nok 1\n'),
('other lines are no TAP', E'hello\n1..1\nokay\nnot okay\nOK 2\nok 1\n1..x\n# ok 3\npragma +strict\n\n'),
('subtests speak through the point that ends them', E'1..2\n    1..2\n    ok 1\n    not ok 2\nok 1 - sub\n\tnot ok 7\nok 2\n'),
('diagnostics', E'1..1\nok 1\n  ---\n  not ok 5\n  ...\n'),
('skipped, in any case', E'1..4\nok 1\nok 2 # SKIP no disk\nok 3 - c # skip\nnot ok 4 #Skipped: later\n'),
('to do', E'1..3\nok 1\nnot ok 2 # ToDo bend space\nok 3 # todo works already\n'),
('a # that is no directive', E'1..4\nok 1 - issue #3 skip\nok 2 - \\# SKIP not\nok 3 - see url#skip\nok 4 - # note # skip\n'),
('an escaped backslash before #', E'1..1\nok 1 - a \\\\ # SKIP really\n');

-- Failed.
INSERT INTO output (what, tap) VALUES
('one not ok', E'1..2\nok 1\nnot ok 2 - the door is open\n'),
('a missing test', E'1..3\nok 1\nok 3\n'),
('missing at the end, as when the program crashed', E'1..5\nok 1\nok 2\n'),
('too many', E'1..1\nok 1\nok 2\n'),
('the same number twice', E'1..2\nok 1\nok 1\nok 2\n'),
('the same number twice, once not ok', E'1..1\nok 1\nnot ok 1\n'),
('number zero', E'1..1\nok 0\nok 1\n'),
('a skipped one outside the plan', E'1..1\nok 1\nok 2 # SKIP\n'),
('bail out', E'1..3\nok 1\nBail out! no database\nok 2\nok 3\n'),
('bail out before the plan', E'Bail out!\n'),
('bail out in a subtest', E'1..1\n    bail out!  sub\nok 1\n'),
('more than ten not ok', E'1..12\n' || repeat(E'not ok - again\n', 12)),
('a long description', E'1..1\nnot ok 1 - ' || repeat('ä', 100) || E'\n');

-- Not TAP, or broken TAP.
INSERT INTO output (what, tap) VALUES
('nothing', ''),
('only newlines', E'\n\n\n'),
('prose', 'all tests passed, believe me'),
('no plan', E'ok 1\nok 2\n'),
('two plans', E'1..1\nok 1\n1..1\n'),
('two plans, the second larger', E'1..1\n1..2\nok 1\nok 2\n'),
('a plan amid the points', E'ok 1\n1..2\nok 2\n'),
('a plan that begins at 2', E'2..3\nok 2\nok 3\n'),
('a plan with a minus', E'1..-1\nok 1\n'),
('a plan with rubbish behind it', E'1..1 todo\nok 1\n'),
('an indented plan', E' 1..1\nok 1\n'),
('unknown version', E'TAP version 99\n1..1\nok 1\n'),
('version 12 may not be named', E'TAP version 12\n1..1\nok 1\n'),
('version in words', E'TAP version fourteen\n1..1\nok 1\n'),
('version not first', E'1..1\nTAP version 14\nok 1\n'),
('a huge plan', E'1..99999999999999999999999999\nok 1\n'),
('a huge number', E'1..1\nok 99999999999999999999999999\n'),
('huge numbers are no two numbers', E'1..2\nok 99999999999999999999999998\nok 99999999999999999999999999\n'),
('not and ok on two lines', E'1..2\nok 1\nnot\nok 2\n'),
('two blanks in not  ok', E'1..1\nnot  ok 1\n'),
('only blanks', E'   \t '),
('cut within a line', E'1..2\nok 1\nno');

-- Nothing failed, and nothing proved.
INSERT INTO output (what, tap) VALUES
('all skipped by the plan', E'1..0 # SKIP no network\n'),
('all skipped by the plan, no reason', E'1..0\n'),
('all skipped, one by one', E'1..2\nok 1 # SKIP\nok 2 # SKIP\n'),
('all to do', E'1..1\nok 1 # ToDo\n'),
('skipped by the plan, and yet run', E'1..0\nok 1\n');

SELECT o.what, t.result, t.passed AS ok, t.failed AS bad, t.skipped AS skip, t.todo, t.finding
FROM output AS o, read_tap(o.tap) AS t ORDER BY o.n;

-- A good output that is cut has failed; one with any one character changed passes only where TAP has it mean the same.
SELECT bool_and(t.result = 'failed') AS every_cut_fails
FROM (SELECT E'TAP version 14\n1..3\nok 1 - a\nok 2 - b\nok 3\n' AS tap) AS g, generate_series(0, length(g.tap) - 6) AS n, read_tap(left(g.tap, n)) AS t;
SELECT t.result, count(*)
FROM (SELECT E'1..2\nok 1\nok 2\n' AS tap) AS g, generate_series(1, length(g.tap)) AS n, unnest('{0,9,x,#," ",n,"\n","\t",-,\\,.}'::text[]) AS c,
     read_tap(overlay(g.tap PLACING c FROM n FOR 1)) AS t
GROUP BY t.result ORDER BY t.result;
SELECT DISTINCT replace(replace(overlay(g.tap PLACING c FROM n FOR 1), E'\n', '\n'), E'\t', '\t') AS still_passes
FROM (SELECT E'1..2\nok 1\nok 2\n' AS tap) AS g, generate_series(1, length(g.tap)) AS n, unnest('{0,9,x,#," ",n,"\n","\t",-,\\,.}'::text[]) AS c,
     read_tap(overlay(g.tap PLACING c FROM n FOR 1)) AS t
WHERE t.result = 'passed' ORDER BY 1;

-- A million test points.
SELECT (t).* FROM (SELECT read_tap(E'1..1000000\n' || repeat(E'ok\n', 1000000)) AS t) AS big;
SELECT read_tap(NULL) IS NULL AS null_in_null_out;
