/*
 * require_partial.h
 *		Semantic versions whose numbers may be missing, as npm's and Cargo's requirements have them, and the bounds that
 *		are made of them.  For require*.c only.
 */
#ifndef RM_TYPES_REQUIRE_PARTIAL_H
#define RM_TYPES_REQUIRE_PARTIAL_H

#include "types/require_syntaxes.h"

/* Text being put together; RM_REQUIRE_MAX bounds what goes in. */
typedef struct RmDraft
{
	size_t len;
	char text[RM_REQUIRE_MAX + 32];
} RmDraft;

typedef struct RmPartial
{
	RmSpan numbers[3]; /* len 0: any */
	RmSpan prerelease; /* with its hyphen */
	bool odd_sign;     /* npm: what stands before the numbers is more than one v */
	bool odd_number;   /* npm: a number follows an x */
	size_t end;
} RmPartial;

extern void rm_draft_add(RmDraft *draft, const char *text, size_t len);
extern void rm_draft_add_successor(RmDraft *draft, const char *digits, size_t len);

extern int rm_partial_count(const RmPartial *partial);
extern bool rm_partial_is_zero(const char *text, RmSpan number);
extern void rm_partial_write_floor(RmDraft *draft, const char *text, const RmPartial *partial);
extern void rm_partial_write_ceiling(RmDraft *draft, const char *text, const RmPartial *partial, int number,
									 const char *suffix);
extern bool rm_partial_add_up_to(const char *text, const RmPartial *partial, int number, RmRequirement *requirement,
								 RmParseError *error);
extern bool rm_partial_add_comparison(const char *text, const RmPartial *partial, RmComparator comparator,
									  RmRequirement *requirement, RmParseError *error);

#endif /* RM_TYPES_REQUIRE_PARTIAL_H */
