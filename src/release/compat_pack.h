/*
 * compat_pack.h
 *		A baseline as values of the server, from which another session has it at once.
 *
 * The arrays of a baseline that is complete, each pointer as a place in a pool
 * of texts and values in which each stands once.  Read again, texts and values
 * stay where they lie; the arrays are filled, and nothing is parsed or
 * evaluated.  It is for this kind of server alone: rm_compat_form()
 * names all that it depends on.
 *
 * It comes in parts, of which only the first is needed once it is read:
 *
 *		lasting			head, where mentions begin, mentions, pool
 *		members			names, members, provisions, standing violations,
 *						architectures, places of unreadable labels
 *		clauses
 *		alternatives
 *
 * A part is a bytea that begins with its length and four bytes of nothing, so
 * that the sections in it are aligned.
 */
#ifndef RM_RELEASE_COMPAT_PACK_H
#define RM_RELEASE_COMPAT_PACK_H

#include "release/compat.h"

/* To be raised whenever the structures below change, or what is made of versions and clauses. */
#define RM_PACKED_FORM 2

/* Where a text or a value lies in the pool; 0 is NULL. */
typedef uint32 RmPlace;

/* How many there are of each section, in the order in which they lie; then single values. */
typedef struct RmPackedHead
{
	int32 names;
	int32 members;
	int32 clauses;
	int32 alternatives;
	int32 provisions;
	int32 mentions;
	int32 standing;
	int32 architectures;
	int32 unreadable;
	int32 unknown;
	RmPlace unknown_names;
	RmPlace native;
	RmPlace platform_ci;
	RmPlace platform_path;
	RmPlace platform_said;
	int32 platform_lasting;
} RmPackedHead;

typedef struct RmPackedName
{
	RmPlace text;
	uint32 hash;
	int32 first_member;
	int32 first_provision;
	int32 scheme;
} RmPackedName;

typedef struct RmPackedMember
{
	int32 name;
	RmPlace label;
	RmPlace architecture;
	RmPlace version;
	RmPlace ci;
	pg_uuid_t subject;
	int32 first_clause;
	int32 clauses;
	int32 next_namesake;
	uint8 multi_arch;
	bool architecture_stated;
	bool essential;
	bool clauses_known;
	bool has_subject;
} RmPackedMember;

typedef struct RmPackedClause
{
	int32 member;
	int32 first_alternative;
	int32 alternatives;
	RmPlace text;
	int32 kind;
} RmPackedClause;

typedef struct RmPackedAlternative
{
	int32 name;
	RmPlace architecture;
	RmPlace lower;
	RmPlace upper;
	bool any;
	bool empty;
	uint8 inclusive; /* 1: the lower bound, 2: the upper one */
	bool by_requirement;
} RmPackedAlternative;

typedef struct RmPackedViolation
{
	int32 kind;
	int32 member;
	int32 clause;
	int32 other;
} RmPackedViolation;

typedef struct RmPackedArchitecture
{
	RmPlace name;
	int32 members;
} RmPackedArchitecture;

typedef enum RmPackedPart
{
	RM_PACKED_LASTING,
	RM_PACKED_MEMBERS,
	RM_PACKED_CLAUSES,
	RM_PACKED_ALTERNATIVES
} RmPackedPart;

#define RM_PACKED_PARTS 4

/* compat_pack.c */
extern const char *const rm_packed_kinds[4]; /* of violations */
extern char *rm_compat_form(void);
extern void rm_compat_pack(const RmCompat *compat, bytea *parts[RM_PACKED_PARTS]);

/* compat_unpack.c */
extern RmCompat *rm_compat_unpack(const Datum parts[RM_PACKED_PARTS]);

#endif /* RM_RELEASE_COMPAT_PACK_H */
