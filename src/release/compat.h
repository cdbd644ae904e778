/*
 * compat.h
 *		What a compatibility check works on.
 *
 * Members are packages: those installed on a target (the baseline) and those
 * that a release brings.  The set "before" is the baseline, the set "after"
 * what the target holds once the release is installed.  A clause is what a
 * member says of others; its alternatives name packages of the member's own
 * version scheme, so that a Debian package never meets an npm requirement.
 *
 * The baseline is loaded first, evaluated once, and kept by the backend
 * (compat_cache.c).  A release is laid over it: its members, clauses and names
 * follow those of the baseline in each array, and what it changes in the
 * baseline is listed in touched, so that rm_compat_lift takes all of it off
 * again.  Only clauses that mention a name of which something came or went are
 * evaluated anew.
 */
#ifndef RM_RELEASE_COMPAT_H
#define RM_RELEASE_COMPAT_H

#include "postgres.h"

#include "executor/spi.h"
#include "executor/tuptable.h"
#include "nodes/params.h"
#include "types/pkgreq.h"
#include "types/pkgver.h"
#include "utils/uuid.h"
#include "utils/xid8.h"

typedef enum RmClauseKind
{
	RM_CLAUSE_REQUIRES,
	RM_CLAUSE_PRE_REQUIRES,
	RM_CLAUSE_CONFLICTS,
	RM_CLAUSE_BREAKS,
	RM_CLAUSE_PROVIDES,
	RM_CLAUSE_REPLACES
} RmClauseKind;

/* Debian's Multi-Arch field; no other scheme has it. */
typedef enum RmMultiArch
{
	RM_MULTI_ARCH_NO,
	RM_MULTI_ARCH_SAME,
	RM_MULTI_ARCH_FOREIGN,
	RM_MULTI_ARCH_ALLOWED
} RmMultiArch;

/* Versions between two bounds, or those that satisfy a requirement; any where the clause names none. */
typedef struct RmVersions
{
	const RmPkgver *lower; /* NULL: open; a RmPkgreq where by_requirement */
	const RmPkgver *upper; /* NULL: open */
	bool any;
	bool empty;
	bool lower_inclusive;
	bool upper_inclusive;
	bool by_requirement;
} RmVersions;

typedef struct RmAlternativeName
{
	int name;                 /* index into names */
	const char *architecture; /* NULL: none given */
	RmVersions versions;
} RmAlternativeName;

typedef struct RmClause
{
	RmClauseKind kind;
	int member;
	int first_alternative;
	int alternatives;
	const char *text;
} RmClause;

typedef struct RmMember
{
	int name;                 /* index into names */
	const char *label;        /* as people know it */
	const char *architecture; /* NULL: not known */
	bool architecture_stated; /* by the CMDB */
	RmMultiArch multi_arch;
	bool essential;
	bool clauses_known;
	const RmPkgver *version;
	const char *component; /* name of the component, or of what might become one; NULL in the baseline */
	const char *ci;        /* label; NULL where there is none */
	bool has_subject;
	pg_uuid_t subject; /* whose clauses it has */
	int first_clause;
	int clauses;
	bool chosen;  /* a component: part of what is checked, not merely offered */
	bool related; /* a component: hangs together with another one */
	bool removed; /* in the baseline: the plan retires it */
	bool touched; /* in the baseline: listed in touched */
	bool before;
	bool after;
	int taken_by;      /* member that takes its place, or -1 */
	const char *fate;  /* why it is not in the set after; NULL where it is */
	int next_namesake; /* or -1 */
} RmMember;

/* A member that provides a name. */
typedef struct RmProvision
{
	int member;
	int alternative; /* index into alternatives */
	int next;        /* or -1 */
} RmProvision;

/* A name within a version scheme. */
typedef struct RmName
{
	RmScheme scheme;
	const char *text;
	int first_member;    /* or -1 */
	int first_provision; /* or -1 */
} RmName;

typedef struct RmArray
{
	void *items;
	int used;
	int allocated;
} RmArray;

struct rm_name_hash;
struct rm_shared_hash;

/* How many members are of an architecture. */
typedef struct RmArchitecture
{
	const char *name;
	int members;
} RmArchitecture;

/* What the CMDB says the target runs. */
typedef struct RmPlatform
{
	const char *ci;   /* label of the item that it says it of; NULL: it says nothing of any */
	const char *path; /* where it says it */
	const char *said; /* NULL: nothing of this one */
	bool lasting;     /* a change of it makes the baseline old */
} RmPlatform;

/* Whether packages for a system go onto targets that are said to run something. */
typedef struct RmJudgement
{
	const char *wanted;
	const char *said;
	const char *needs;  /* what the package is for; NULL: nothing speaks against it */
	const char *target; /* what the target runs, as we read it */
	bool unreadable;    /* what the target is said to run */
} RmJudgement;

/* How far the arrays reach that belong to the baseline. */
typedef struct RmExtent
{
	int members;
	int clauses;
	int alternatives;
	int provisions;
	int names;
} RmExtent;

typedef struct RmCompat
{
	MemoryContext context; /* of the baseline */
	RmArray members;       /* RmMember */
	RmArray clauses;       /* RmClause */
	RmArray alternatives;  /* RmAlternativeName */
	RmArray provisions;    /* RmProvision */
	RmArray names;         /* RmName */
	struct rm_name_hash *name_index;
	char *store_at; /* room in the block that the baseline's values are stored in */
	size_t store_left;
	size_t store_block;                  /* how large it is */
	struct rm_shared_hash *shared_texts; /* while the baseline is loaded: those that many clauses have */
	struct rm_shared_hash *shared_values;
	void *kept;         /* how compat_cache.c keeps it */
	bool complete;      /* the baseline is loaded */
	const char *native; /* architecture that "all" stands for; NULL: not known */

	/* Of the baseline. */
	RmExtent baseline;
	const char *baseline_native;
	RmArray standing;      /* RmViolation, in order */
	RmArray architectures; /* RmArchitecture */
	int *mention_from;     /* for each name, where in mentions the clauses begin that mention it; one more at the end */
	int *mentions;         /* clauses */
	int unknown;           /* members whose clauses are not known */
	char *unknown_names;   /* the first of them */
	RmArray unreadable;    /* const char *: labels of items without a readable version */
	const char *digest;    /* of it as text; NULL: not computed yet */
	RmPlatform platform;
	RmArray judgements; /* RmJudgement, of releases too */

	/* Of the release. */
	RmArray touched;      /* int: members of the baseline that it takes out, or may */
	RmArray systems;      /* const char *: what each of its members is for; NULL: for any, or not known */
	const char *now_runs; /* what the target runs now; NULL: not known, or of no interest */
	const char *runs;     /* what it runs once the release is installed; likewise */
} RmCompat;

/* What a check is about; the values are SQL's. */
typedef struct RmScope
{
	bool no_target; /* what is installed on none */
	Datum target;   /* uuid */
	bool no_package;
	Datum package;    /* uuid */
	bool all_brought; /* every component */
	Datum brought;    /* text[]: names of components */
	bool all_retired; /* whatever the plan retires */
	Datum retired_on; /* text[]: only what it retires on these targets */
} RmScope;

/* What a baseline was made of, and which changes of that its snapshot saw. */
typedef struct RmOrigin
{
	bool found;              /* there is one, and every change of it is noted */
	Datum sources;           /* text[] */
	Datum relations;         /* oid[]: whose DDL counts */
	FullTransactionId since; /* changes noted from it on ... */
	Datum changes;           /* ... are these, uuid[] */
} RmOrigin;

/* A clause that is not met in a set, or a pair of members that exclude each other. */
typedef struct RmViolation
{
	const char *kind; /* as check_compatibility says it */
	int member;
	int clause;    /* or -1 */
	int other;     /* or -1 */
	bool standing; /* taken over from the baseline */
} RmViolation;

/* The violations before, and those after, each in order. */
typedef struct RmVerdict
{
	RmArray before;
	RmArray after;
	RmArray ended; /* of those before, the ones that may be fixed */
} RmVerdict;

/* compat_model.c */
extern RmCompat *rm_compat_create(void);
extern int rm_compat_name(RmCompat *compat, RmScheme scheme, const char *text, size_t length);
extern int rm_compat_find_name(const RmCompat *compat, RmScheme scheme, const char *text, size_t length);
extern uint32 rm_compat_name_hash(const RmName *name);
extern void rm_compat_adopt_names(RmCompat *compat, const uint32 *hashes, size_t stride);
extern RmMember *rm_compat_add_member(RmCompat *compat, int name);
extern RmClause *rm_compat_add_clause(RmCompat *compat, int member, RmClauseKind kind);
extern RmAlternativeName *rm_compat_add_alternative(RmCompat *compat, int name);
extern void rm_compat_index(RmCompat *compat, int first_clause);
extern void rm_compat_complete(RmCompat *compat);
extern void rm_compat_lift(RmCompat *compat);
extern RmMember *rm_compat_member(const RmCompat *compat, int index);
extern RmClause *rm_compat_clause(const RmCompat *compat, int index);
extern RmAlternativeName *rm_compat_alternative(const RmCompat *compat, int index);
extern RmProvision *rm_compat_provision(const RmCompat *compat, int index);
extern RmName *rm_compat_name_at(const RmCompat *compat, int index);

/* compat_store.c */
extern void *rm_array_add(RmArray *array, size_t size);
extern void rm_array_trim(RmArray *array, size_t size);
extern const char *rm_compat_text(RmCompat *compat, const char *data, size_t length);
extern const void *rm_compat_value(RmCompat *compat, const struct varlena *value);
extern const char *rm_compat_shared_text(RmCompat *compat, const char *data, size_t length);
extern const void *rm_compat_shared_value(RmCompat *compat, const struct varlena *value);
extern void rm_compat_share_no_more(RmCompat *compat);

/* compat_match.c */
extern bool rm_versions_contain(const RmVersions *versions, const RmPkgver *version);
extern bool rm_compat_belongs(const RmMember *member, bool after);
extern bool rm_compat_provides(const RmCompat *compat, const RmProvision *provision, const RmVersions *versions);
extern bool rm_compat_same_architecture(const RmCompat *compat, const RmMember *a, const RmMember *b);
extern bool rm_compat_architecture_meets(const RmCompat *compat, const RmMember *subject,
										 const RmAlternativeName *alternative, const RmMember *candidate);
extern bool rm_compat_architecture_excluded(const RmCompat *compat, const RmAlternativeName *alternative,
											const RmMember *other);
extern bool rm_compat_clause_met(const RmCompat *compat, const RmClause *clause, bool after);
extern bool rm_compat_alternative_met_by(const RmCompat *compat, const RmClause *clause, int candidate);
extern bool rm_compat_foreign_architecture(const RmCompat *compat, const RmMember *component);
extern bool rm_compat_foreign_system(const RmCompat *compat, const RmMember *component);
extern bool rm_compat_goes(const RmCompat *compat, const RmMember *member);
extern int rm_compat_misplaced(const RmCompat *compat, int after);

/* compat_platform.c */
extern void rm_compat_load_platform(RmCompat *compat, const RmScope *scope);
extern void rm_compat_note_system(RmCompat *compat, const struct varlena *purl);
extern void rm_compat_judge_platform(RmCompat *compat, const RmScope *scope);
extern void rm_compat_judge_candidates(RmCompat *compat);
extern const RmJudgement *rm_compat_foreign_platform(const RmCompat *compat, int member);
extern int rm_compat_unread_platform(const RmCompat *compat);
extern char *rm_compat_platform_seen(const RmCompat *compat);
extern char *rm_compat_system_told(const RmCompat *compat, int member);

/* compat_evaluate.c */
extern RmArray rm_compat_evaluate_all(const RmCompat *compat, bool after);
extern bool rm_compat_clause_names(const RmCompat *compat, const RmClause *clause, int other,
								   const RmProvision *provision);
extern RmArray rm_compat_excluded(const RmCompat *compat, int clause, bool after);
extern RmVerdict rm_compat_judge(const RmCompat *compat);
extern bool rm_compat_holds(const RmCompat *compat, const RmArray *violations, const RmViolation *violation);

/* compat_settle.c */
extern void rm_compat_settle(RmCompat *compat);
extern void rm_compat_retire(RmCompat *compat, int member, bool removed);
extern void rm_compat_find_native(RmCompat *compat);

/* compat_load.c */
extern void rm_compat_load_baseline(RmCompat *compat, const RmScope *scope);
extern void rm_compat_load_release(RmCompat *compat, const RmScope *scope);
extern void rm_compat_load_candidates(RmCompat *compat, Datum package, Datum names);

/* compat_remedies.c */
extern void rm_compat_load_remedies(RmCompat *compat, Datum package);

/* compat_clauses.c */
extern void rm_compat_load_clauses(RmCompat *compat, int first_member);

/* compat_packages.c */
extern void rm_compat_load_packages(RmCompat *compat);
extern RmMultiArch rm_multi_arch_of(const char *word);

/* compat_read.c */
typedef struct RmPlan
{
	const char *sql;
	int nargs;
	Oid types[6];
	SPIPlanPtr prepared; /* once */
} RmPlan;

typedef void (*RmRowReader)(TupleTableSlot *row, void *arg);

extern void rm_read_plan(RmPlan *plan, Datum *values, const bool *nulls, RmRowReader reader, void *arg);
extern void rm_read_query(const char *sql, ParamListInfo params, RmRowReader reader, void *arg);

/* compat_manifest.c */
extern const char *rm_compat_digest(RmCompat *compat, const RmScope *scope);

/* compat_cache.c */
extern void rm_compat_init(void);
extern RmCompat *rm_compat_open(const RmScope *scope);
extern void rm_compat_close(RmCompat *compat);
extern RmOrigin rm_compat_to_store(const RmCompat *compat, const RmScope *scope);

/* compat_stored.c */
extern RmOrigin rm_compat_stored_origin(const RmScope *scope, Datum sources, Datum relations);
extern RmCompat *rm_compat_stored(const RmScope *scope);

/* compat_explain.c */
extern int rm_compat_culprit(const RmCompat *compat, const RmViolation *violation);
extern char *rm_compat_describe(const RmCompat *compat, int member);
extern char *rm_compat_candidates(const RmCompat *compat, const RmViolation *violation);
extern char *rm_compat_sentence(const RmCompat *compat, const RmViolation *violation);
extern char *rm_compat_chain(const RmCompat *compat, const RmViolation *violation);
extern const char *rm_compat_blame(const RmCompat *compat, const RmViolation *violation);

#endif /* RM_RELEASE_COMPAT_H */
