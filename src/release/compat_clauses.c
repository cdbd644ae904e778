/*
 * compat_clauses.c
 *		The clauses of members, from the tables.
 *
 * A table returns most packages' clauses one after the other, and each goes
 * where it belongs at once.  Those of a few lie scattered, since a row goes to
 * where there is room for it; these are read again, collected and sorted.
 */
#include "release/compat.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rangetypes.h"
#include "utils/typcache.h"

/* For more subjects than that, the whole table is read. */
#define MANY_SUBJECTS 5000

typedef struct SubjectEntry
{
	pg_uuid_t id;
	int member;     /* the first that has its clauses */
	bool scattered; /* its rows do not come clause by clause */
	char status;
} SubjectEntry;

#define SH_PREFIX rm_subject
#define SH_ELEMENT_TYPE SubjectEntry
#define SH_KEY_TYPE pg_uuid_t
#define SH_KEY id
#define SH_HASH_KEY(table, key) hash_bytes((key).data, UUID_LEN)
#define SH_EQUAL(table, a, b) (memcmp((a).data, (b).data, UUID_LEN) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* A row of package_clause. */
typedef struct Row
{
	int member;
	int kind;
	int clause_no;
	int alternative_no;
	const char *text; /* of the first alternative */
	RmAlternativeName alternative;
} Row;

typedef struct Loading
{
	RmCompat *compat;
	rm_subject_hash *subjects;
	SubjectEntry *last;
	Row last_row;
	int scattered;  /* so many subjects are ... */
	bool gathering; /* ... whose rows are collected now */
	RmArray rows;   /* Row */
	TypeCacheEntry *range_type;
	const char *architecture; /* the one seen last */
} Loading;

/* The kind of a clause as the table spells it. */
static RmClauseKind
kind_of(const text *word)
{
	static const char *const kinds[] = { "requires", "pre-requires", "conflicts", "breaks", "provides", "replaces" };

	for (int i = 0; i < lengthof(kinds); i++)
	{
		if (strlen(kinds[i]) == VARSIZE_ANY_EXHDR(word) && memcmp(kinds[i], VARDATA_ANY(word), strlen(kinds[i])) == 0)
			return (RmClauseKind) i;
	}
	elog(ERROR, "clause of unknown kind");
}

/* Take a range apart; a copy of it is kept. */
static RmVersions
versions_of(Loading *loading, Datum value)
{
	RmVersions versions = { 0 };
	RangeType *given = DatumGetRangeTypeP(value);
	RangeBound lower;
	RangeBound upper;

	if (loading->range_type == NULL)
		loading->range_type = lookup_type_cache(RangeTypeGetOid(given), TYPECACHE_RANGE_INFO);
	range_deserialize(loading->range_type,
					  (const RangeType *) rm_compat_shared_value(loading->compat, (struct varlena *) given), &lower,
					  &upper, &versions.empty);
	if ((Pointer) given != DatumGetPointer(value))
		pfree(given);
	if (versions.empty)
		return versions;
	versions.lower_inclusive = lower.inclusive;
	versions.upper_inclusive = upper.inclusive;
	if (!lower.infinite)
		versions.lower = DatumGetPkgverPP(lower.val);
	if (!upper.infinite)
		versions.upper = DatumGetPkgverPP(upper.val);
	return versions;
}

/* Give a row to its member; last is the one before it. */
static void
add_row(RmCompat *compat, const Row *last, const Row *row)
{
	RmAlternativeName *alternative;

	if (last->alternative_no == 0 || last->member != row->member || last->kind != row->kind ||
		last->clause_no != row->clause_no)
		rm_compat_add_clause(compat, row->member, row->kind)->text = row->text;
	alternative = rm_compat_add_alternative(compat, row->alternative.name);
	*alternative = row->alternative;
}

/* Whether a row goes on where the last one ended: the next alternative, the next clause, or a member's first one. */
static bool
follows(const Loading *loading, const Row *row)
{
	const Row *last = &loading->last_row;

	if (last->alternative_no > 0 && last->member == row->member)
		return last->kind == row->kind && last->clause_no == row->clause_no
				   ? row->alternative_no == last->alternative_no + 1
				   : row->alternative_no == 1;
	return row->alternative_no == 1 && rm_compat_member(loading->compat, row->member)->clauses == 0;
}

/* The row of subject, kind, clause_no, alternative_no, name, architecture, versions, text, requirement. */
static void
read_clause(TupleTableSlot *slot, void *arg)
{
	Loading *loading = arg;
	RmCompat *compat = loading->compat;
	const Datum *values = slot->tts_values;
	pg_uuid_t *id = DatumGetUUIDP(values[0]);
	text *name;
	Row current = { 0 };
	Row *row = &current;
	RmScheme scheme;

	if (loading->last == NULL || memcmp(loading->last->id.data, id->data, UUID_LEN) != 0)
	{
		SubjectEntry *subject = rm_subject_lookup(loading->subjects, *id);

		if (subject == NULL)
			return;
		loading->last = subject;
	}
	if (loading->last->scattered != loading->gathering)
		return;
	row->member = loading->last->member;
	row->kind = kind_of(DatumGetTextPP(values[1]));
	row->clause_no = DatumGetInt32(values[2]);
	row->alternative_no = DatumGetInt32(values[3]);
	name = DatumGetTextPP(values[4]);
	scheme = rm_compat_name_at(compat, rm_compat_member(compat, row->member)->name)->scheme;
	row->alternative.name = rm_compat_name(compat, scheme, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	if (!slot->tts_isnull[5])
	{
		text *architecture = DatumGetTextPP(values[5]);

		/* Nearly always "any". */
		if (loading->architecture == NULL || strlen(loading->architecture) != VARSIZE_ANY_EXHDR(architecture) ||
			memcmp(loading->architecture, VARDATA_ANY(architecture), VARSIZE_ANY_EXHDR(architecture)) != 0)
			loading->architecture = rm_compat_text(compat, VARDATA_ANY(architecture), VARSIZE_ANY_EXHDR(architecture));
		row->alternative.architecture = loading->architecture;
	}
	if (!slot->tts_isnull[8])
	{
		row->alternative.versions.by_requirement = true;
		row->alternative.versions.lower = rm_compat_shared_value(compat, PG_DETOAST_DATUM_PACKED(values[8]));
	}
	else if (slot->tts_isnull[6])
		row->alternative.versions.any = true;
	else
		row->alternative.versions = versions_of(loading, values[6]);
	if (row->alternative_no == 1)
	{
		text *said = DatumGetTextPP(values[7]);

		row->text = rm_compat_shared_text(compat, VARDATA_ANY(said), VARSIZE_ANY_EXHDR(said));
	}
	if (loading->gathering)
		*(Row *) rm_array_add(&loading->rows, sizeof(Row)) = current;
	else if (follows(loading, row))
	{
		add_row(compat, &loading->last_row, row);
		loading->last_row = current;
	}
	else
	{
		loading->last->scattered = true;
		loading->scattered++;
	}
}

/* Order rows by member, clause and alternative. */
static int
compare_rows(const void *a, const void *b)
{
	const Row *left = a;
	const Row *right = b;

	if (left->member != right->member)
		return left->member < right->member ? -1 : 1;
	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	if (left->clause_no != right->clause_no)
		return left->clause_no < right->clause_no ? -1 : 1;
	return left->alternative_no - right->alternative_no;
}

/* Bring the rows into order. */
static void
sort_rows(RmArray *rows)
{
	if (rows->used > 0)
		qsort(rows->items, rows->used, sizeof(Row), compare_rows);
}

/* Give the rows to their members. */
static void
add_rows(RmCompat *compat, const RmArray *rows)
{
	Row none = { 0 };

	for (int i = 0; i < rows->used; i++)
		add_row(compat, i == 0 ? &none : (Row *) rows->items + i - 1, (Row *) rows->items + i);
}

/* Take off the clauses, from one on, of members whose rows lie scattered: what came may be part of them. */
static void
drop_scattered(Loading *loading, int first_clause, int first_alternative)
{
	RmCompat *compat = loading->compat;
	rm_subject_iterator iterator;
	SubjectEntry *subject;
	int clauses = first_clause;
	int alternatives = first_alternative;

	rm_subject_start_iterate(loading->subjects, &iterator);
	while ((subject = rm_subject_iterate(loading->subjects, &iterator)) != NULL)
	{
		if (subject->scattered)
			rm_compat_member(compat, subject->member)->clauses = 0;
	}
	for (int i = first_clause; i < compat->clauses.used; i++)
	{
		RmClause clause = *rm_compat_clause(compat, i);
		RmMember *member = rm_compat_member(compat, clause.member);

		if (member->clauses == 0)
			continue;
		if (member->first_clause == i)
			member->first_clause = clauses;
		memmove(rm_compat_alternative(compat, alternatives), rm_compat_alternative(compat, clause.first_alternative),
				clause.alternatives * sizeof(RmAlternativeName));
		clause.first_alternative = alternatives;
		alternatives += clause.alternatives;
		*rm_compat_clause(compat, clauses++) = clause;
	}
	compat->clauses.used = clauses;
	compat->alternatives.used = alternatives;
}

/* The ids of the subjects, or of those that lie scattered, as uuid[]; a NULL pointer for more than are worth naming. */
static Datum
subject_ids(const Loading *loading)
{
	int count = loading->gathering ? loading->scattered : loading->subjects->members;
	Datum *ids;
	int found = 0;
	rm_subject_iterator iterator;
	SubjectEntry *subject;

	if (count > MANY_SUBJECTS)
		return (Datum) 0;
	ids = palloc(count * sizeof(Datum));
	rm_subject_start_iterate(loading->subjects, &iterator);
	while ((subject = rm_subject_iterate(loading->subjects, &iterator)) != NULL)
	{
		if (subject->scattered == loading->gathering)
			ids[found++] = UUIDPGetDatum(&subject->id);
	}
	return PointerGetDatum(construct_array(ids, found, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
}

/* Give a member the clauses that another has, of the same package. */
static void
copy_clauses(RmCompat *compat, int from, int to)
{
	int first = rm_compat_member(compat, from)->first_clause;
	int count = rm_compat_member(compat, from)->clauses;

	for (int i = first; i < first + count; i++)
	{
		RmClause *copy = rm_compat_add_clause(compat, to, rm_compat_clause(compat, i)->kind);
		const RmClause *original = rm_compat_clause(compat, i);

		copy->text = original->text;
		copy->first_alternative = original->first_alternative;
		copy->alternatives = original->alternatives;
	}
}

/* Add the clauses of all members from one on. */
void
rm_compat_load_clauses(RmCompat *compat, int first_member)
{
	static RmPlan of_some = {
		"SELECT coalesce(c.item_id, c.known_package_id), c.kind, c.clause_no, c.alternative_no, c.name, "
		"c.architecture, c.versions, c.text, c.requirement "
		"FROM release_mgmt.package_clause AS c "
		"WHERE c.item_id OPERATOR(pg_catalog.=) ANY ($1) OR c.known_package_id OPERATOR(pg_catalog.=) ANY ($1)",
		1,
		{ UUIDARRAYOID }
	};
	static RmPlan of_all = { "SELECT coalesce(c.item_id, c.known_package_id), c.kind, c.clause_no, c.alternative_no, "
							 "c.name, c.architecture, c.versions, c.text, c.requirement "
							 "FROM release_mgmt.package_clause AS c",
							 0 };
	Loading loading = { .compat = compat };
	int first_clause = compat->clauses.used;
	int first_alternative = compat->alternatives.used;

	loading.subjects = rm_subject_create(CurrentMemoryContext, compat->members.used - first_member, NULL);
	for (int i = first_member; i < compat->members.used; i++)
	{
		RmMember *member = rm_compat_member(compat, i);
		SubjectEntry *subject;
		bool found;

		if (!member->has_subject)
			continue;
		subject = rm_subject_insert(loading.subjects, member->subject, &found);
		if (found)
			continue;
		subject->member = i;
		subject->scattered = false;
	}
	for (int round = 0; round < 2; round++)
	{
		Datum ids[1];

		loading.gathering = round == 1;
		loading.last = NULL;
		if ((loading.gathering ? loading.scattered : loading.subjects->members) == 0)
			break;
		if (loading.gathering)
			drop_scattered(&loading, first_clause, first_alternative);
		ids[0] = subject_ids(&loading);
		rm_read_plan(DatumGetPointer(ids[0]) == NULL ? &of_all : &of_some, ids, NULL, read_clause, &loading);
	}
	sort_rows(&loading.rows);
	add_rows(compat, &loading.rows);
	for (int i = first_member; i < compat->members.used; i++)
	{
		const RmMember *member = rm_compat_member(compat, i);
		int first = member->has_subject ? rm_subject_lookup(loading.subjects, member->subject)->member : i;

		if (first != i)
			copy_clauses(compat, first, i);
	}
	if (loading.rows.items != NULL)
		pfree(loading.rows.items);
	rm_subject_destroy(loading.subjects);
}
