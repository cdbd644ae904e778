/*
 * tap.h
 *		What the output of a test says, in the Test Anything Protocol.
 */
#ifndef RM_ASSURANCE_TAP_H
#define RM_ASSURANCE_TAP_H

#include "lib/stringinfo.h"

/*
 * Each test point counts once: failed when it is "not ok", outside the plan
 * or a repetition; else skipped or todo by its directive; else passed.  A
 * planned test that never ran is failed.
 */
typedef struct RmTap
{
	int64 passed;
	int64 failed;
	int64 skipped;
	int64 todo;
	StringInfoData findings; /* why it failed or proves nothing, "; " between; empty when it passed */
	bool unreadable;         /* the stream itself is wrong: no plan, two plans, bail out, ... */
} RmTap;

extern void rm_tap_parse(const char *text, size_t len, RmTap *tap);

#endif /* RM_ASSURANCE_TAP_H */
