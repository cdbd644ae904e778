-- Release trains: departures at a cadence, boarding before the cut-off, and what happens to whoever misses it.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_manager;
CREATE ROLE regress_other;
CREATE ROLE regress_customer;
INSERT INTO organization (code, kind) VALUES ('Second', 'provider'), ('Bystander', 'customer');
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CALL grant_duty('regress_other', 'release manager', 'Second');
CALL grant_duty('regress_customer', 'reader', 'Customer');
CREATE TABLE server (name text PRIMARY KEY, app_version text);
INSERT INTO server VALUES ('alpha', '1.0');
SELECT bind_ci_class('server', 'server', '{name}', 'name');

-- A cadence by the local clock: daylight saving does not move it, and a month is a month.
SET ROLE regress_manager;
\set VERBOSITY terse
INSERT INTO release_train (code, first_departure, every, cut_off, lasts) VALUES ('BAD', '2099-01-01', '1 hour', '0', '1 minute');
INSERT INTO release_train (code, first_departure, every, cut_off, lasts) VALUES ('BAD', '2099-01-01', '7 days', '0', '8 days');
INSERT INTO release_train (code, first_departure, every, cut_off, lasts) VALUES ('BAD', '2099-01-01', '7 days', '-1 day', '1 day');
INSERT INTO release_train (code, first_departure, every, cut_off, lasts, time_zone) VALUES ('BAD', '2099-01-01', '7 days', '0', '1 day', 'Europe/Atlantis');
INSERT INTO release_train (code, first_departure, every, cut_off, lasts, organization_id) VALUES ('BAD', '2099-01-01', '7 days', '0', '1 day', organization_id('Second'));
\set VERBOSITY default
INSERT INTO release_train (code, first_departure, every, cut_off, lasts, time_zone, ends_at) VALUES
    ('WEEKLY', '2099-03-16 22:00+01', '7 days', '2 days', '4 hours', 'Europe/Berlin', '2099-04-10'),
    ('MONTHLY', '2098-01-31 20:00+00', '1 month', '10 days', '1 day', 'UTC', NULL);
SELECT * FROM departures_between('WEEKLY', '2000-01-01', '2100-01-01');
SELECT * FROM departures_between('MONTHLY', '2098-02-01', '2098-05-31');
SELECT * FROM departures_between('MONTHLY', '2098-02-28 20:00+00', '2098-02-28 20:00+00');
SELECT count(*) FROM departures_between('MONTHLY', '2090-01-01', '2098-01-31 19:59+00');
SELECT * FROM departures_between('NONE', '2000-01-01', '2100-01-01');

-- Boarding: the next departure, or one that is named; it plans the roll-out, and while nothing is agreed the baseline.
SELECT create_release('REL-1', 'minor', customers => '{Customer}') IS NOT NULL AS created;
SELECT create_package('PKG-1', release => 'REL-1') IS NOT NULL AS created;
SELECT board_train('REL-1', 'NONE');
SELECT board_train('REL-1', 'WEEKLY', '2099-03-17 00:00+00');
SELECT board_train('REL-1', 'WEEKLY');
SELECT board_train('REL-1', 'WEEKLY') AS same_again;
SELECT board_train('REL-1', 'WEEKLY', '2099-03-23 21:00+00');
SELECT board_train('REL-1', 'MONTHLY');
SELECT planned, baseline FROM release;
\set VERBOSITY terse
CALL leave_train('REL-1', '');
CALL leave_train('REL-1', NULL);
\set VERBOSITY default
CALL leave_train('REL-1', 'not urgent');
CALL leave_train('REL-1', 'not urgent');
SELECT board_train('REL-1', 'WEEKLY', '2099-03-23 21:00+00');
SELECT planned, baseline FROM release;
SELECT t.code, b.departs_at, b.cut_off_at, p.code AS boarded_by, b.left_because FROM train_boarding AS b
JOIN release_train AS t ON t.id = b.train_id JOIN person AS p ON p.id = b.boarded_by ORDER BY b.departs_at;
-- Its customer sees the train, another provider neither; who has no part in the release does not board it.
SET ROLE regress_customer;
SELECT t.code, b.departs_at FROM release_train AS t JOIN train_boarding AS b ON b.train_id = t.id WHERE b.left_at IS NULL;
SET ROLE regress_other;
SELECT count(*) FROM release_train;
SELECT board_train('REL-1', 'WEEKLY');
CALL leave_train('REL-1', 'mine now');
SELECT * FROM rebook_missed('WEEKLY');

-- The gate: the train has not departed yet.
RESET ROLE;
SELECT met, missing FROM release_mgmt_internal.check_train_caught(release_id('REL-1'));
-- A release that travels with none is not held.
SET ROLE regress_manager;
SELECT create_release('REL-2', 'minor') IS NOT NULL AS created;
RESET ROLE;
SELECT met, missing, evidence FROM release_mgmt_internal.check_train_caught(release_id('REL-2'));

-- Cut-offs that are over. (The train departs every day at this time; its cut-off is 12 hours before.)
SET ROLE regress_manager;
INSERT INTO release_train (code, first_departure, every, cut_off, lasts) VALUES ('DAILY', now() - interval '10 days', '1 day', '12 hours', '1 hour');
SELECT first_departure AS first FROM release_train WHERE code = 'DAILY' \gset
CALL leave_train('REL-1', 'daily is better');
\set VERBOSITY terse
SELECT board_train('REL-1', 'DAILY', :'first'::timestamptz + interval '10 days');
\set VERBOSITY default
SELECT board_train('REL-1', 'DAILY') = :'first'::timestamptz + interval '11 days' AS tomorrow, board_train('REL-2', 'DAILY') = :'first'::timestamptz + interval '11 days' AS tomorrow;
INSERT INTO component (package_id, kind, name, ci) VALUES (package_id('PKG-1'), 'configuration', 'alpha', 'server/alpha');
SELECT * FROM rebook_missed('DAILY');
-- As if that had been two days ago: one was sealed in time, the other one not.
RESET ROLE;
UPDATE train_boarding SET departs_at = departs_at - interval '2 days', cut_off_at = cut_off_at - interval '2 days' WHERE left_at IS NULL;
SELECT met, replace(missing, :'first', 'first') FROM release_mgmt_internal.check_train_caught(release_id('REL-1'));
SET ROLE regress_manager;
SELECT release, missed = :'first'::timestamptz + interval '9 days' AS missed, because, departs_at = :'first'::timestamptz + interval '11 days' AS tomorrow FROM rebook_missed('DAILY') ORDER BY release;
SELECT * FROM rebook_missed('DAILY');
SELECT seal_package('PKG-1') IS NOT NULL AS sealed;
RESET ROLE;
UPDATE train_boarding SET departs_at = now(), cut_off_at = now() - interval '1 minute' WHERE left_at IS NULL AND release_id = release_id('REL-1');
SELECT met, missing FROM release_mgmt_internal.check_train_caught(release_id('REL-1'));
UPDATE train_boarding SET departs_at = (SELECT sealed_at FROM release_package), cut_off_at = (SELECT sealed_at FROM release_package) WHERE left_at IS NULL AND release_id = release_id('REL-1');
SELECT met, missing FROM release_mgmt_internal.check_train_caught(release_id('REL-1'));
-- Content that is made anew has missed it.
SET ROLE regress_manager;
SELECT revise_package('PKG-1');
RESET ROLE;
SELECT met, missing FROM release_mgmt_internal.check_train_caught(release_id('REL-1'));
SET ROLE regress_manager;
SELECT seal_package('PKG-1') IS NOT NULL AS sealed;
RESET ROLE;
SELECT met, missing FROM release_mgmt_internal.check_train_caught(release_id('REL-1'));
SET ROLE regress_manager;
SELECT release, because FROM rebook_missed('DAILY');
SELECT r.code, b.left_because FROM train_boarding AS b JOIN release AS r ON r.id = b.release_id ORDER BY b.boarded_at, b.id;
SELECT train, status, aboard, sealed, missed, releases FROM train_schedule WHERE train = 'DAILY' AND (aboard > 0 OR missed > 0) ORDER BY departs_at;
SELECT train, status, count(*) FROM train_schedule WHERE train = 'DAILY' AND departs_at BETWEEN :'first' AND :'first'::timestamptz + interval '12 days' GROUP BY train, status ORDER BY status;

SELECT kind, code, organization, upper(period) - lower(period) AS lasts FROM change_calendar WHERE lower(period) = :'first';

RESET ROLE;
DROP OWNED BY regress_manager, regress_other, regress_customer;
DROP ROLE regress_manager, regress_other, regress_customer;
