/*
 * compat_kept.c
 *		The list of baselines that a backend keeps: found by target, forgotten
 *		when they are old or take too much memory.
 *
 * Finding, using and forgetting one takes the same time however many there are,
 * so that a roll-out onto thousands of targets is checked in time linear in
 * them.
 */
#include "release/compat_kept.h"

#include "miscadmin.h"
#include "utils/array.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"

/* release_mgmt.compatibility_cache, in kB. */
static int cache_size = 128 * 1024;

static dlist_head baselines = DLIST_STATIC_INIT(baselines);
static HTAB *baselines_by_key = NULL;
static Size kept_size = 0;
static bool some_invalid = false;

/* The key of what a check is about. */
static BaselineKey
key_of(const RmScope *scope)
{
	BaselineKey key = { .user = GetUserId(), .no_target = scope->no_target };

	if (!scope->no_target)
		key.target = *DatumGetUUIDP(scope->target);
	return key;
}

/* Use a baseline no more; it is forgotten once no check uses it. */
void
rm_compat_invalidate(Baseline *baseline)
{
	baseline->valid = false;
	some_invalid = true;
}

/* Relcache callback: a table was altered, or any may have been. */
static void
forget_relation(Datum arg, Oid relid)
{
	dlist_iter each;

	rm_compat_forget_sources();
	dlist_foreach(each, &baselines)
	{
		Baseline *baseline = dlist_container(Baseline, node, each.cur);

		const ArrayType *relations = DatumGetArrayTypeP(baseline->origin.relations);
		const Oid *oids = (const Oid *) ARR_DATA_PTR(relations);

		for (int i = 0; i < ArrayGetNItems(ARR_NDIM(relations), ARR_DIMS(relations)); i++)
		{
			if (!OidIsValid(relid) || oids[i] == relid)
				rm_compat_invalidate(baseline);
		}
	}
}

/* Whether anything is kept at all. */
bool
rm_compat_keeps(void)
{
	return cache_size > 0;
}

/* Define the setting, and have us told of DDL. */
void
rm_compat_init(void)
{
	DefineCustomIntVariable(
		"release_mgmt.compatibility_cache", "Memory for baselines of compatibility checks.",
		"What a session keeps of targets between checks; 0 keeps nothing. A baseline of 63,000 packages "
		"takes some 53 MB, one of 1,000 some 1 MB.",
		&cache_size, 128 * 1024, 0, MAX_KILOBYTES, PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	CacheRegisterRelcacheCallback(forget_relation, (Datum) 0);
}

/* Forget a baseline, unless a check uses it; returns whether it did. */
static bool
forget(Baseline *baseline)
{
	if (baseline->use != NULL)
		return false;
	MemoryContextDelete(baseline->context);
	return true;
}

/* Forget baselines that are old, and those used longest ago until the others take no more than the setting says. */
static void
make_room(void)
{
	dlist_mutable_iter each;
	dlist_node *last;

	if (some_invalid)
	{
		some_invalid = false;
		dlist_foreach_modify(each, &baselines)
		{
			Baseline *baseline = dlist_container(Baseline, node, each.cur);

			if (!baseline->valid && !forget(baseline))
				some_invalid = true;
		}
	}
	last = dlist_is_empty(&baselines) ? NULL : dlist_tail_node(&baselines);
	while (last != NULL && kept_size > (Size) cache_size * 1024)
	{
		dlist_node *before = dlist_has_prev(&baselines, last) ? dlist_prev_node(&baselines, last) : NULL;

		forget(dlist_container(Baseline, node, last));
		last = before;
	}
}

/* Reset callback of a baseline's memory context. */
static void
forget_baseline(void *arg)
{
	Baseline *baseline = arg;

	dlist_delete(&baseline->node);
	dlist_delete(&baseline->of_key);
	if (dlist_is_empty(&baseline->entry->baselines))
		hash_search(baselines_by_key, &baseline->entry->key, HASH_REMOVE, NULL);
	kept_size -= baseline->size;
}

/* List a baseline under its key. */
void
rm_compat_list_baseline(Baseline *baseline, const RmScope *scope)
{
	BaselineKey key = key_of(scope);
	bool found;

	if (baselines_by_key == NULL)
	{
		HASHCTL control = { .keysize = sizeof(BaselineKey),
							.entrysize = sizeof(BaselineEntry),
							.hcxt = CacheMemoryContext };

		baselines_by_key = hash_create("compatibility baselines", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	baseline->entry = hash_search(baselines_by_key, &key, HASH_ENTER, &found);
	if (!found)
		dlist_init(&baseline->entry->baselines);
	dlist_push_head(&baseline->entry->baselines, &baseline->of_key);
	dlist_push_head(&baselines, &baseline->node);
	baseline->forgetter = (MemoryContextCallback) { forget_baseline, baseline };
	MemoryContextRegisterResetCallback(baseline->context, &baseline->forgetter);
}

/* Find the baseline of a target that is kept and not in use; NULL where there is none. */
Baseline *
rm_compat_find_baseline(const RmScope *scope)
{
	BaselineKey key = key_of(scope);
	BaselineEntry *entry = baselines_by_key == NULL ? NULL : hash_search(baselines_by_key, &key, HASH_FIND, NULL);
	dlist_iter each;

	if (entry == NULL)
		return NULL;
	dlist_foreach(each, &entry->baselines)
	{
		Baseline *baseline = dlist_container(Baseline, of_key, each.cur);

		if (baseline->valid && baseline->use == NULL)
			return baseline;
	}
	return NULL;
}

/* A check has ended: the baseline is the one used last, and others make room for it. */
void
rm_compat_used(Baseline *baseline)
{
	Size size = MemoryContextMemAllocated(baseline->context, true);

	baseline->use = NULL;
	kept_size += size - baseline->size;
	baseline->size = size;
	dlist_move_head(&baselines, &baseline->node);
	if (MemoryContextGetParent(baseline->context) != CacheMemoryContext || size > (Size) cache_size * 1024)
		rm_compat_invalidate(baseline);
	make_room();
}
