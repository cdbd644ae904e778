/*
 * compat_store.c
 *		Memory of a compatibility check: growing arrays, and values of the
 *		baseline packed into blocks.
 *
 * A baseline holds hundreds of thousands of short values; a chunk of its own
 * for each would cost more than the values.  What clauses say, and the
 * versions that they name, many of them say alike; of these each stands once.
 */
#include "release/compat.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

/* A text, ended by a zero byte, or a value with a length of its own: all of a table are either. */
typedef struct SharedEntry
{
	const char *data;
	uint32 hash;
	char status;
} SharedEntry;

/* How many bytes it has. */
static inline size_t
length_of(bool is_text, const char *data)
{
	return is_text ? strlen(data) + 1 : VARSIZE_ANY(data);
}

/* Whether two are the same. */
static inline bool
equal_contents(bool is_text, const char *a, const char *b)
{
	return length_of(is_text, a) == length_of(is_text, b) && memcmp(a, b, length_of(is_text, a)) == 0;
}

#define IS_TEXT(table) ((table)->private_data != NULL)
#define SH_PREFIX rm_shared
#define SH_ELEMENT_TYPE SharedEntry
#define SH_KEY_TYPE const char *
#define SH_KEY data
#define SH_HASH_KEY(table, key) hash_bytes((const unsigned char *) (key), length_of(IS_TEXT(table), key))
#define SH_EQUAL(table, a, b) equal_contents(IS_TEXT(table), a, b)
#define SH_SCOPE static inline
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) (entry)->hash
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Bytes that are taken from the server at a time: few at first, so that a small baseline is small, then twice as many.
 */
#define STORE_BLOCK_MIN (4 * 1024)
#define STORE_BLOCK_MAX (256 * 1024)

/* Make room for one more item of size bytes, zeroed, and return it. */
void *
rm_array_add(RmArray *array, size_t size)
{
	if (array->used == array->allocated)
	{
		int allocated = array->allocated ? array->allocated + array->allocated / 4 : 64;

		if (array->items == NULL)
			array->items = MemoryContextAllocHuge(CurrentMemoryContext, allocated * size);
		else
			array->items = repalloc_huge(array->items, allocated * size);
		array->allocated = allocated;
	}
	return memset((char *) array->items + size * array->used++, 0, size);
}

/* Give back what an array that is full leaves unused, but for a little. */
void
rm_array_trim(RmArray *array, size_t size)
{
	int enough = array->used + array->used / 64 + 64;

	if (array->items == NULL || array->allocated <= enough)
		return;
	array->items = repalloc_huge(array->items, enough * size);
	array->allocated = enough;
}

/* Return aligned room for so many bytes that lasts as long as the baseline. */
static void *
room_for(RmCompat *compat, size_t length)
{
	size_t size = MAXALIGN(length);
	char *room;

	if (size > STORE_BLOCK_MIN / 4)
		return MemoryContextAllocHuge(compat->context, length);
	if (size > compat->store_left)
	{
		compat->store_block = Min(Max(compat->store_block * 2, STORE_BLOCK_MIN), STORE_BLOCK_MAX);
		compat->store_at = MemoryContextAlloc(compat->context, compat->store_block);
		compat->store_left = compat->store_block;
	}
	room = compat->store_at;
	compat->store_at += size;
	compat->store_left -= size;
	return room;
}

/* Return a copy of a text, ended by a zero byte, that lasts as long as what is loaded now: the baseline, or the check.
 */
const char *
rm_compat_text(RmCompat *compat, const char *data, size_t length)
{
	char *copy;

	if (compat->complete)
		return pnstrdup(data, length);
	copy = room_for(compat, length + 1);
	memcpy(copy, data, length);
	copy[length] = '\0';
	return copy;
}

/* Likewise for a value of a type with a length of its own. */
const void *
rm_compat_value(RmCompat *compat, const struct varlena *value)
{
	size_t length = VARSIZE_ANY(value);

	return memcpy(compat->complete ? palloc(length) : room_for(compat, length), value, length);
}

/* Give back the room that was taken last. */
static void
give_back(RmCompat *compat, void *room, size_t length)
{
	size_t size = MAXALIGN(length);

	if (size > STORE_BLOCK_MIN / 4)
		pfree(room);
	else
	{
		compat->store_at -= size;
		compat->store_left += size;
	}
}

/* Return the one like this that is there already, or else itself, the one stored last. */
static const char *
share(RmCompat *compat, struct rm_shared_hash **table, bool is_text, const char *data)
{
	SharedEntry *entry;
	bool found;

	if (*table == NULL)
		*table = rm_shared_create(compat->context, 64, is_text ? compat : NULL);
	entry = rm_shared_insert(*table, data, &found);
	if (found)
		give_back(compat, unconstify(char *, data), length_of(is_text, data));
	return entry->data;
}

/* Likewise a text that others may share. */
const char *
rm_compat_shared_text(RmCompat *compat, const char *data, size_t length)
{
	const char *text = rm_compat_text(compat, data, length);

	return compat->complete ? text : share(compat, &compat->shared_texts, true, text);
}

/* Likewise a value that others may share. */
const void *
rm_compat_shared_value(RmCompat *compat, const struct varlena *value)
{
	const void *copy = rm_compat_value(compat, value);

	return compat->complete ? copy : share(compat, &compat->shared_values, false, copy);
}

/* The baseline is loaded: what is shared stays, but is not looked for any more. */
void
rm_compat_share_no_more(RmCompat *compat)
{
	if (compat->shared_texts != NULL)
		rm_shared_destroy(compat->shared_texts);
	if (compat->shared_values != NULL)
		rm_shared_destroy(compat->shared_values);
	compat->shared_texts = compat->shared_values = NULL;
}
