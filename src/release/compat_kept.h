/*
 * compat_kept.h
 *		The list of baselines that a backend keeps.
 */
#ifndef RM_RELEASE_COMPAT_KEPT_H
#define RM_RELEASE_COMPAT_KEPT_H

#include "release/compat.h"

#include "lib/ilist.h"
#include "utils/memutils.h"

struct Use;

/* By what a baseline is found; without padding, since it is compared as bytes. */
typedef struct BaselineKey
{
	pg_uuid_t target; /* zeros: what is installed on none */
	Oid user;         /* who read it */
	uint32 no_target;
} BaselineKey;

/* The baselines of one key: one, but where a check is under way, or a snapshot is older than what is kept. */
typedef struct BaselineEntry
{
	BaselineKey key;
	dlist_head baselines;
} BaselineEntry;

typedef struct Baseline
{
	dlist_node node;   /* in the list of all: the one used last comes first */
	dlist_node of_key; /* in the entry of its key */
	BaselineEntry *entry;
	MemoryContext context;           /* of everything here */
	MemoryContextCallback forgetter; /* takes it off the lists */
	Size size;                       /* of the context, when it was last used */
	RmOrigin origin;
	bool valid;      /* not known to be old */
	struct Use *use; /* the check that uses it, or NULL */
	RmCompat *compat;
} Baseline;

extern bool rm_compat_keeps(void);
extern void rm_compat_list_baseline(Baseline *baseline, const RmScope *scope);
extern Baseline *rm_compat_find_baseline(const RmScope *scope);
extern void rm_compat_invalidate(Baseline *baseline);
extern void rm_compat_used(Baseline *baseline);

/* compat_sources.c */
extern RmOrigin rm_compat_sources(const RmScope *scope);
extern void rm_compat_forget_sources(void);

#endif /* RM_RELEASE_COMPAT_KEPT_H */
