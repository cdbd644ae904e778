/*
 * slow.c
 *		Seconds in which transactions committed that had begun long before.
 *
 * The id of a transaction begins with the time of its first change (RFC 9562
 * section 5.7).  Who looks for those that committed since a time looks for
 * ids from that time on, and for those as much older as the slowest of these
 * took: ledger_slow tells how much that is, where it is more than SLOW.
 * Sequencing fills it with the tree, so that whoever sees a leaf there sees
 * what is told of it here.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "ledger/slow.h"
#include "ledger/store.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

/* Up to so many microseconds no note is taken. */
#define SLOW 100000

/* Attribute numbers of release_mgmt.ledger_slow. */
enum
{
	SLOW_SECOND = 1,
	SLOW_LONGEST
};

/* Begin; what is noted stays in the current memory context. */
void
rm_slow_init(RmSlowSeconds *slow)
{
	slow->count = 0;
	slow->room = 16;
	slow->seconds = palloc(sizeof(RmSlowSecond) * slow->room);
}

/* Return the time that the id begins with. */
static TimestampTz
time_of_id(const pg_uuid_t *id)
{
	int64 milliseconds = 0;

	for (int i = 0; i < 6; i++)
		milliseconds = milliseconds << 8 | id->data[i];
	return milliseconds * 1000 - (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
}

/* Note a transaction that committed at that time, if it was slow. */
void
rm_slow_note(RmSlowSeconds *slow, const pg_uuid_t *id, TimestampTz at)
{
	int64 took = at - time_of_id(id);
	TimestampTz second = at - (at % USECS_PER_SEC + USECS_PER_SEC) % USECS_PER_SEC;

	if (took <= SLOW)
		return;
	/* Leaves come about in the order of their times. */
	for (int i = slow->count - 1; i >= 0; i--)
	{
		if (slow->seconds[i].second == second)
		{
			slow->seconds[i].longest = Max(slow->seconds[i].longest, took);
			return;
		}
	}
	if (slow->count == slow->room)
	{
		slow->room *= 2;
		slow->seconds = repalloc_huge(slow->seconds, sizeof(RmSlowSecond) * slow->room);
	}
	slow->seconds[slow->count++] = (RmSlowSecond) { second, took };
}

/* Write what was noted to ledger_slow. */
void
rm_slow_write(const RmSlowSeconds *slow)
{
	Oid types[] = { TIMESTAMPTZARRAYOID, INTERVALARRAYOID };
	Datum *seconds = palloc(sizeof(Datum) * Max(slow->count, 1));
	Datum *longest = palloc(sizeof(Datum) * Max(slow->count, 1));
	Datum args[2];

	if (slow->count == 0)
		return;
	for (int i = 0; i < slow->count; i++)
	{
		Interval *interval = palloc0(sizeof(Interval));

		interval->time = slow->seconds[i].longest;
		seconds[i] = TimestampTzGetDatum(slow->seconds[i].second);
		longest[i] = IntervalPGetDatum(interval);
	}
	args[0] = PointerGetDatum(
		construct_array(seconds, slow->count, TIMESTAMPTZOID, sizeof(TimestampTz), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	args[1] =
		PointerGetDatum(construct_array(longest, slow->count, INTERVALOID, sizeof(Interval), false, TYPALIGN_DOUBLE));
	if (SPI_connect() != SPI_OK_CONNECT ||
		SPI_execute_with_args("INSERT INTO release_mgmt.ledger_slow AS s (second, longest) "
							  "SELECT u.second, u.longest FROM unnest($1, $2) AS u (second, longest) "
							  "ON CONFLICT ON CONSTRAINT ledger_slow_pkey "
							  "DO UPDATE SET longest = greatest(s.longest, excluded.longest)",
							  2, types, args, NULL, false, 0) != SPI_OK_INSERT ||
		SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not note slow transactions");
}

/* Return the longest that a transaction took which committed from that second on, as it is in the snapshot. */
static int64
longest_since(TimestampTz second, Snapshot snapshot)
{
	Relation slow = table_open(rm_ledger_relid("ledger_slow"), AccessShareLock);
	int64 longest = SLOW;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, SLOW_SECOND, BTGreaterEqualStrategyNumber, F_TIMESTAMPTZ_GE, TimestampTzGetDatum(second));
	scan = systable_beginscan(slow, rm_ledger_relid("ledger_slow_pkey"), true, snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool isnull;
		Interval *took = DatumGetIntervalP(heap_getattr(tuple, SLOW_LONGEST, RelationGetDescr(slow), &isnull));

		longest = Max(longest, took->time + (took->day + took->month * DAYS_PER_MONTH) * USECS_PER_DAY);
	}
	systable_endscan(scan);
	table_close(slow, AccessShareLock);
	return longest;
}

/*
 * Return an id that is no higher than that of any transaction in the tree that
 * committed since the time, as it is in the snapshot.
 */
pg_uuid_t
rm_slow_oldest_id(TimestampTz since, Snapshot snapshot)
{
	pg_uuid_t id;
	int64 milliseconds = 0;

	memset(&id, TIMESTAMP_IS_NOEND(since) ? 0xff : 0, sizeof(id));
	if (TIMESTAMP_NOT_FINITE(since))
		return id;
	since -= longest_since(since - (since % USECS_PER_SEC + USECS_PER_SEC) % USECS_PER_SEC, snapshot);
	milliseconds = (since + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY) / 1000;
	for (int i = 5; i >= 0 && milliseconds > 0; i--, milliseconds >>= 8)
		id.data[i] = milliseconds & 0xff;
	return id;
}
