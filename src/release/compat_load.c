/*
 * compat_load.c
 *		Fill a compatibility check from the tables.
 *
 * To be called between SPI_connect and SPI_finish, in the check's memory
 * context, which takes copies of everything.
 */
#include "release/compat.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rangetypes.h"
#include "utils/typcache.h"

/* Run a query with up to two uuid arguments; the result is in SPI_tuptable. */
static void
query(const char *sql, int nargs, Oid type, Datum first, bool first_is_null, Datum second)
{
	Oid types[2] = { type, UUIDOID };
	Datum values[2] = { first, second };
	char nulls[2] = { first_is_null ? 'n' : ' ', ' ' };

	if (SPI_execute_with_args(sql, nargs, types, values, nulls, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "compatibility query failed");
}

/* A column of a row of the result; its memory is SPI's. */
static Datum
column(uint64 row, int number, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number, isnull);
}

/* A column of type text, copied; NULL where it is. */
static const char *
text_column(uint64 row, int number)
{
	bool isnull;
	Datum value = column(row, number, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* A column of type pkgver, copied; NULL where it is. */
static const RmPkgver *
pkgver_column(uint64 row, int number)
{
	bool isnull;
	Datum value = column(row, number, &isnull);

	return isnull ? NULL : (const RmPkgver *) PG_DETOAST_DATUM_COPY(value);
}

/* A column of type uuid, copied; NULL where it is. */
static pg_uuid_t *
uuid_column(uint64 row, int number)
{
	bool isnull;
	Datum value = column(row, number, &isnull);
	pg_uuid_t *copy;

	if (isnull)
		return NULL;
	copy = palloc(sizeof(pg_uuid_t));
	*copy = *DatumGetUUIDP(value);
	return copy;
}

/* The value of a Multi-Arch field; NULL is none. */
static RmMultiArch
multi_arch_of(const char *word)
{
	if (word == NULL)
		return RM_MULTI_ARCH_NO;
	if (strcmp(word, "same") == 0)
		return RM_MULTI_ARCH_SAME;
	if (strcmp(word, "foreign") == 0)
		return RM_MULTI_ARCH_FOREIGN;
	if (strcmp(word, "allowed") == 0)
		return RM_MULTI_ARCH_ALLOWED;
	return RM_MULTI_ARCH_NO;
}

/*
 * Add the members of the current result.
 *
 * Its columns: label, name, version, architecture, multi_arch, essential,
 * clauses_known, subject, ci, component, chosen, removed.
 */
static void
add_members(RmCompat *compat)
{
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		const char *name = text_column(row, 2);
		const RmPkgver *version = pkgver_column(row, 3);
		RmMember *member =
			rm_compat_add_member(compat, rm_compat_name(compat, rm_pkgver_view(version).scheme, name, strlen(name)));
		bool isnull;

		member->version = version;
		member->label = text_column(row, 1);
		member->architecture = text_column(row, 4);
		member->multi_arch = multi_arch_of(text_column(row, 5));
		member->essential = DatumGetBool(column(row, 6, &isnull));
		member->clauses_known = DatumGetBool(column(row, 7, &isnull));
		member->subject = uuid_column(row, 8);
		member->ci = text_column(row, 9);
		member->component = text_column(row, 10);
		member->chosen = DatumGetBool(column(row, 11, &isnull));
		member->removed = DatumGetBool(column(row, 12, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Add packages that a repair may use, of these names or providing them (text[]). */
void
rm_compat_load_candidates(RmCompat *compat, Datum package, Datum names)
{
	Oid types[2] = { UUIDOID, TEXTARRAYOID };
	Datum values[2] = { package, names };

	if (SPI_execute_with_args("SELECT * FROM release_mgmt_internal.compatibility_candidates($1, $2)", 2, types, values,
							  NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "compatibility query failed");
	add_members(compat);
}

/* A member and the uuid under which its clauses are stored. */
typedef struct Subject
{
	pg_uuid_t *id;
	int member;
} Subject;

/* Order by uuid as the server does, then by member. */
static int
compare_subjects(const void *a, const void *b)
{
	const Subject *left = a;
	const Subject *right = b;
	int order = memcmp(left->id->data, right->id->data, UUID_LEN);

	return order != 0 ? order : left->member - right->member;
}

/* Take a range apart; NULL is any version. */
static RmVersions
versions_column(uint64 row, int number)
{
	RmVersions versions = { 0 };
	bool isnull;
	Datum value = column(row, number, &isnull);
	RangeType *range;
	RangeBound lower;
	RangeBound upper;

	versions.any = isnull;
	if (isnull)
		return versions;
	range = DatumGetRangeTypePCopy(value);
	range_deserialize(lookup_type_cache(RangeTypeGetOid(range), TYPECACHE_RANGE_INFO), range, &lower, &upper,
					  &versions.empty);
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

/* The kind of a clause as the table spells it. */
static RmClauseKind
kind_of(const char *word)
{
	static const char *const kinds[] = { "requires", "pre-requires", "conflicts", "breaks", "provides", "replaces" };

	for (int i = 0; i < lengthof(kinds); i++)
	{
		if (strcmp(kinds[i], word) == 0)
			return (RmClauseKind) i;
	}
	elog(ERROR, "clause of unknown kind \"%s\"", word);
}

/* Give the clauses of the current result, ordered by subject, to the subjects. */
static void
add_clauses(RmCompat *compat, const Subject *subjects, int nsubjects)
{
	int at = 0;
	const char *last_kind = "";
	int last_no = 0;
	int last_member = -1;

	for (uint64 row = 0; row < SPI_processed; row++)
	{
		bool isnull;
		pg_uuid_t *id = DatumGetUUIDP(column(row, 1, &isnull));
		const char *kind = text_column(row, 2);
		int clause_no = DatumGetInt32(column(row, 3, &isnull));
		const char *name = text_column(row, 4);
		RmScheme scheme;
		RmAlternativeName *alternative;

		while (at < nsubjects && memcmp(subjects[at].id->data, id->data, UUID_LEN) < 0)
			at++;
		if (at == nsubjects || memcmp(subjects[at].id->data, id->data, UUID_LEN) != 0)
			elog(ERROR, "clause without its package");
		if (subjects[at].member != last_member || clause_no != last_no || strcmp(kind, last_kind) != 0)
		{
			rm_compat_add_clause(compat, subjects[at].member, kind_of(kind))->text = text_column(row, 7);
			last_member = subjects[at].member;
			last_no = clause_no;
			last_kind = kind;
		}
		scheme = rm_compat_name_at(compat, rm_compat_member(compat, last_member)->name)->scheme;
		alternative = rm_compat_add_alternative(compat, rm_compat_name(compat, scheme, name, strlen(name)));
		alternative->architecture = text_column(row, 5);
		alternative->versions = versions_column(row, 6);
	}
	SPI_freetuptable(SPI_tuptable);
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
	Subject *subjects = palloc_extended(Max(compat->members.used, 1) * sizeof(Subject), MCXT_ALLOC_HUGE);
	Datum *ids = palloc_extended(Max(compat->members.used, 1) * sizeof(Datum), MCXT_ALLOC_HUGE);
	int nsubjects = 0;

	for (int i = first_member; i < compat->members.used; i++)
	{
		pg_uuid_t *id = rm_compat_member(compat, i)->subject;

		if (id != NULL)
		{
			ids[nsubjects] = UUIDPGetDatum(id);
			subjects[nsubjects++] = (Subject) { id, i };
		}
	}
	if (nsubjects == 0)
		return;
	qsort(subjects, nsubjects, sizeof(Subject), compare_subjects);
	query("SELECT coalesce(c.item_id, c.known_package_id), c.kind, c.clause_no, c.name, c.architecture, c.versions, "
		  "c.text "
		  "FROM release_mgmt.package_clause AS c "
		  "WHERE c.item_id OPERATOR(pg_catalog.=) ANY ($1) OR c.known_package_id OPERATOR(pg_catalog.=) ANY ($1) "
		  "ORDER BY 1, 2, 3, c.alternative_no",
		  1, UUIDARRAYOID, PointerGetDatum(construct_array(ids, nsubjects, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR)),
		  false, (Datum) 0);
	add_clauses(compat, subjects, nsubjects);
	for (int i = 1; i < nsubjects; i++)
	{
		if (memcmp(subjects[i].id->data, subjects[i - 1].id->data, UUID_LEN) == 0)
			copy_clauses(compat, subjects[i - 1].member, subjects[i].member);
	}
}

/* Find out which architecture "all" stands for: the one that most of the baseline, else of the release, is of. */
static void
find_native(RmCompat *compat)
{
	const char *names[16];
	int counts[16] = { 0 };
	int known = 0;
	int best = -1;

	for (int i = 0; i < compat->members.used; i++)
	{
		const RmMember *member = rm_compat_member(compat, i);
		int at = 0;

		if (member->architecture == NULL || strcmp(member->architecture, "all") == 0)
			continue;
		while (at < known && strcmp(names[at], member->architecture) != 0)
			at++;
		if (at == lengthof(names))
			continue;
		if (at == known)
			names[known++] = member->architecture;
		counts[at] += member->component == NULL ? 1000 : 1;
		if (best < 0 || counts[at] > counts[best])
			best = at;
	}
	compat->native = best < 0 ? NULL : names[best];
}

/*
 * Load a package, what is installed on a target (or on none), and the clauses
 * of both, and settle what the package would leave.
 */
RmCompat *
rm_compat_load(Datum package, Datum target, bool no_target)
{
	RmCompat *compat = rm_compat_create();

	query("SELECT * FROM release_mgmt_internal.compatibility_components($1)", 1, UUIDOID, package, false, (Datum) 0);
	add_members(compat);
	query("SELECT * FROM release_mgmt_internal.compatibility_baseline($1, $2)", 2, UUIDOID, target, no_target, package);
	add_members(compat);
	rm_compat_load_clauses(compat, 0);
	find_native(compat);
	rm_compat_index(compat, 0);
	rm_compat_settle(compat);
	return compat;
}
