/*
 * renamed.c
 *		The changes of rows whose keys were changed.
 *
 * The ledger keeps what happened to a row under the key that the row had then.
 * A change of the key stands under both, and leads from one to the other: so
 * the row's changes are those under the key by which it is known in the end,
 * and those under each former key that were made while the row had it.
 */
#include "postgres.h"

#include "ledger/rows.h"
#include "utils/memutils.h"

/* Changes that are put together. */
typedef struct Gathered
{
	RmFoundChange *changes;
	Size count;
	Size room;
} Gathered;

/* Return the other key that a change tells of; those under it are looked for in the next round, if they are wanted. */
RmWantedRow *
rm_row_other_key(RmRowSearch *search, const pg_uuid_t *table_id, const char *key, int key_len, bool is_wanted)
{
	RmRowName name = { .table_id = *table_id, .key = key, .key_len = key_len };
	RmWantedRow *row = hash_search(search->wanted, &name, HASH_FIND, NULL);
	MemoryContext old_context = MemoryContextSwitchTo(search->context);

	search->any_renamed = true;
	if (row == NULL)
	{
		name.key = pnstrdup(key, key_len);
		row = hash_search(search->wanted, &name, HASH_ENTER, NULL);
		*row = (RmWantedRow) { .name = name, .ordinal = search->nkeys++, .round = -1 };
	}
	if (is_wanted && row->round < 0)
	{
		row->round = search->round + 1;
		search->others = lappend(search->others, row);
	}
	MemoryContextSwitchTo(old_context);
	return row;
}

/* Does a row leave the key that it was found under by the change? */
static bool
is_leaving(const RmFoundChange *found)
{
	return found->operation == RM_DELETE || found->to != NULL;
}

/*
 * Order changes by row, those of each from the last one back.
 *
 * Where one command gives a row the key that it takes from another, that one
 * left it first, in whatever order they were captured.
 */
int
rm_compare_found(const void *a, const void *b)
{
	const RmFoundChange *one = a;
	const RmFoundChange *other = b;

	if (one->row != other->row)
		return one->row->ordinal < other->row->ordinal ? -1 : 1;
	if (one->transaction != other->transaction)
		return one->transaction->rank < other->transaction->rank ? -1 : 1;
	if (one->command_id != other->command_id)
		return one->command_id > other->command_id ? -1 : 1;
	if (is_leaving(one) != is_leaving(other))
		return is_leaving(other) ? -1 : 1;
	if (one->seq != other->seq)
		return one->seq > other->seq ? -1 : 1;
	return 0;
}

/*
 * Return whether a change came before another one of the same row: no command
 * changes a row twice, but one command may give a row the key that it takes
 * from another.
 */
static bool
is_before(const RmFoundChange *one, const RmFoundChange *other)
{
	if (one->transaction == other->transaction)
		return one->command_id < other->command_id;
	return one->transaction->rank > other->transaction->rank;
}

/* Note where the changes of each key begin. */
static void
note_keys(RmRowSearch *search)
{
	for (Size i = 0; i < search->nfound; i++)
	{
		RmWantedRow *row = search->found[i].row;

		if (row->count++ == 0)
			row->first = i;
	}
}

/*
 * Return the place of the last change in the life of the row that had the key
 * at first, -1 where there is none; it is called by the key to which that
 * change leads, unless another row came there.
 */
static int64
place_in_the_end(const RmRowSearch *search, RmWantedRow *row)
{
	RmWantedRow *key = row;
	const RmFoundChange *last = NULL;
	int64 place = -1;

	for (int64 i = (int64) (key->first + key->count) - 1; i >= (int64) key->first; i--)
	{
		const RmFoundChange *found = &search->found[i];

		if (last != NULL && found->under != last->under && !is_before(last, found))
			continue;
		if (last != NULL && found->from != NULL)
			return place;
		last = found;
		place = i;
		if (found->to != NULL)
		{
			key = found->to;
			i = key->first + key->count;
		}
	}
	row->called = key == row ? NULL : key;
	return place;
}

/* Put a change to the row's. */
static void
gather(Gathered *gathered, RmWantedRow *row, const RmFoundChange *found)
{
	if (gathered->count == gathered->room)
	{
		gathered->room *= 2;
		gathered->changes = repalloc_huge(gathered->changes, gathered->room * sizeof(RmFoundChange));
	}
	gathered->changes[gathered->count] = *found;
	gathered->changes[gathered->count++].row = row;
}

/*
 * Return the place of the change before the one at that place in the life of a
 * row, -1 where its life begins.
 *
 * A row that is deleted and inserted again is the same item; one that is
 * inserted where another had gone to another key is not.
 */
static int64
place_before(const RmRowSearch *search, int64 place)
{
	const RmFoundChange *found = &search->found[place];
	const RmWantedRow *key = found->from != NULL ? found->from : found->under;
	int64 end = key->first + key->count;
	int64 before = place + 1;

	if (found->from != NULL)
	{
		before = key->first;
		while (before < end && !is_before(&search->found[before], found))
			before++;
	}
	if (before >= end)
		return -1;
	if ((found->operation == RM_INSERT || found->operation == RM_BASELINE) && search->found[before].to != NULL)
		return -1;
	return before;
}

/* Put the changes of the row's life together, from the one at that place back. */
static void
gather_life(Gathered *gathered, const RmRowSearch *search, RmWantedRow *row, int64 place)
{
	for (; place >= 0; place = place_before(search, place))
		gather(gathered, row, &search->found[place]);
}

/* Return the place of a change among those under the key that it took the row from. */
static int64
place_of_leaving(const RmRowSearch *search, const RmFoundChange *found)
{
	int64 place = found->from->first;

	while (search->found[place].transaction != found->transaction || search->found[place].seq != found->seq)
		place++;
	return place;
}

/*
 * Put the changes under the row's key together, and those of the life of the
 * row that had it last that are under other keys.
 */
static void
gather_key(Gathered *gathered, const RmRowSearch *search, RmWantedRow *row)
{
	Size base = gathered->count;
	int64 place = row->count > 0 ? (int64) row->first : -1;

	for (Size i = 0; i < row->count; i++)
	{
		gather(gathered, row, &search->found[row->first + i]);
		gathered->changes[base + i].is_other = true;
	}
	for (; place >= 0; place = place_before(search, place))
	{
		const RmFoundChange *found = &search->found[place];

		if (found->under == row)
			gathered->changes[base + (place - row->first)].is_other = false;
		else if (found->from == row)
			gathered->changes[base + (place_of_leaving(search, found) - row->first)].is_other = false;
		else
			gather(gathered, row, found);
	}
}

/*
 * Give each row that is asked for the changes of its life, under whatever keys;
 * where it is asked for by its key in the end, those of all others too that had
 * the key.
 */
void
rm_rows_follow(RmRowSearch *search)
{
	Gathered gathered = { .room = search->room };

	note_keys(search);
	gathered.changes = MemoryContextAllocHuge(search->context, gathered.room * sizeof(RmFoundChange));
	for (int i = 0; i < search->count; i++)
	{
		RmWantedRow *row = search->rows[i];

		if (row->ordinal != i)
			continue;
		if (search->forward)
			gather_life(&gathered, search, row, place_in_the_end(search, row));
		else
			gather_key(&gathered, search, row);
	}
	qsort(gathered.changes, gathered.count, sizeof(RmFoundChange), rm_compare_found);
	pfree(search->found);
	search->found = gathered.changes;
	search->nfound = gathered.count;
	search->room = gathered.room;
}
