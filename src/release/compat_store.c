/*
 * compat_store.c
 *		Memory of a compatibility check: growing arrays, and values of the
 *		baseline packed into blocks.
 *
 * A baseline holds hundreds of thousands of short values, many of them the
 * same text; a chunk of its own for each would cost more than the values.
 */
#include "release/compat.h"

#include "utils/memutils.h"

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
