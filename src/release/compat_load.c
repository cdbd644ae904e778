/*
 * compat_load.c
 *		Fill a compatibility check from the tables: what is installed, and what
 *		a release brings.
 */
#include "release/compat.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* A column of type text, copied; NULL where it is. */
static const char *
text_of(RmCompat *compat, TupleTableSlot *slot, int column)
{
	text *value;

	if (slot->tts_isnull[column])
		return NULL;
	value = DatumGetTextPP(slot->tts_values[column]);
	return rm_compat_text(compat, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

/*
 * The row of label, label of what it is installed on, name, version.
 *
 * dpkg writes name:architecture of a package that may be installed for several;
 * a Debian name holds no colon.
 */
static void
read_installed(TupleTableSlot *slot, void *arg)
{
	RmCompat *compat = arg;
	text *name;
	const char *data;
	const char *colon;
	size_t length;
	const RmPkgver *version;
	RmScheme scheme;
	RmMember *member;

	if (slot->tts_isnull[3] || slot->tts_isnull[2])
	{
		*(const char **) rm_array_add(&compat->unreadable, sizeof(const char *)) = text_of(compat, slot, 0);
		return;
	}
	version = rm_compat_value(compat, PG_DETOAST_DATUM_PACKED(slot->tts_values[3]));
	scheme = rm_pkgver_view(version).scheme;
	name = DatumGetTextPP(slot->tts_values[2]);
	data = VARDATA_ANY(name);
	length = VARSIZE_ANY_EXHDR(name);
	colon = scheme == RM_SCHEME_DEB && length > 2 ? memchr(data + 1, ':', length - 2) : NULL;
	if (colon == NULL)
	{
		member = rm_compat_add_member(compat, rm_compat_name(compat, scheme, data, length));
		member->label = rm_compat_name_at(compat, member->name)->text;
	}
	else
	{
		member = rm_compat_add_member(compat, rm_compat_name(compat, scheme, data, colon - data));
		member->label = rm_compat_text(compat, data, length);
		member->architecture = member->label + (colon - data) + 1;
		member->architecture_stated = true;
	}
	member->version = version;
	member->before = member->after = true;
	member->ci = text_of(compat, slot, 0);
}

/* One of the queries that tell what is installed. */
typedef struct InstalledQuery
{
	int attempt;
	char *sql;
	ParamListInfo params;
} InstalledQuery;

/* The row of attempt, query, and the query's parameters. */
static void
read_query(TupleTableSlot *slot, void *arg)
{
	static const Oid types[] = { TEXTARRAYOID, TEXTOID, TEXTOID, TEXTARRAYOID, TEXTOID, TEXTARRAYOID };
	InstalledQuery *query = rm_array_add(arg, sizeof(InstalledQuery));

	query->attempt = DatumGetInt32(slot->tts_values[0]);
	query->sql = TextDatumGetCString(slot->tts_values[1]);
	query->params = makeParamList(lengthof(types));
	for (int i = 0; i < lengthof(types); i++)
	{
		bool isnull = slot->tts_isnull[i + 2];
		Datum value = isnull ? (Datum) 0 : PointerGetDatum(PG_DETOAST_DATUM_COPY(slot->tts_values[i + 2]));

		query->params->params[i] = (ParamExternData) { value, isnull, PARAM_FLAG_CONST, types[i] };
	}
}

/* Order strings by their bytes. */
static int
compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Note how many members nothing is known of, and the first of their names. */
static void
note_unknown(RmCompat *compat)
{
	const char **labels = palloc_extended(Max(compat->members.used, 1) * sizeof(char *), MCXT_ALLOC_HUGE);
	StringInfoData names;

	for (int i = 0; i < compat->members.used; i++)
	{
		if (!rm_compat_member(compat, i)->clauses_known)
			labels[compat->unknown++] = rm_compat_describe(compat, i);
	}
	qsort(labels, compat->unknown, sizeof(char *), compare_strings);
	initStringInfo(&names);
	for (int i = 0; i < Min(compat->unknown, 10); i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", labels[i]);
	if (compat->unknown > 10)
		appendStringInfo(&names, " and %d more", compat->unknown - 10);
	compat->unknown_names = (char *) rm_compat_text(compat, names.data, names.len);
	if (compat->unreadable.used > 0)
		qsort(compat->unreadable.items, compat->unreadable.used, sizeof(char *), compare_strings);
}

/* Order the members of each name by their labels, so that findings do not depend on where rows lie. */
static void
order_namesakes(RmCompat *compat)
{
	for (int n = 0; n < compat->names.used; n++)
	{
		int *link = &rm_compat_name_at(compat, n)->first_member;

		/* Insertion into a list of hardly ever more than two. */
		for (int i = *link; i >= 0;)
		{
			int next = rm_compat_member(compat, i)->next_namesake;
			int *place = link;

			if (i == *link)
				rm_compat_member(compat, i)->next_namesake = -1;
			else
			{
				while (*place >= 0 &&
					   strcmp(rm_compat_member(compat, *place)->ci, rm_compat_member(compat, i)->ci) <= 0)
					place = &rm_compat_member(compat, *place)->next_namesake;
				rm_compat_member(compat, i)->next_namesake = *place;
				*place = i;
			}
			i = next;
		}
	}
}

/* Load what is installed on a target, or on none, and what is known of it. */
void
rm_compat_load_baseline(RmCompat *compat, const RmScope *scope)
{
	static RmPlan queries = { "SELECT q.* FROM release_mgmt_internal.installed_queries($1) AS q ORDER BY q.attempt",
							  1,
							  { UUIDOID } };
	RmArray found = { 0 };
	MemoryContext scratch =
		AllocSetContextCreate(CurrentMemoryContext, "compatibility baseline", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	int attempt = 0;

	Datum target[] = { scope->target };

	rm_read_plan(&queries, target, &scope->no_target, read_query, &found);
	for (int i = 0; i < found.used; i++)
	{
		const InstalledQuery *query = (InstalledQuery *) found.items + i;

		if (query->attempt > attempt && compat->members.used + compat->unreadable.used > 0)
			break;
		attempt = query->attempt;
		/* What is installed on none: on nothing that exists. */
		rm_read_query(
			scope->no_target
				? psprintf("SELECT x.* FROM (%s) AS x (label, on_label, name, version) WHERE NOT EXISTS "
						   "(SELECT FROM release_mgmt.ci AS o WHERE o.label OPERATOR(pg_catalog.=) x.on_label)",
						   query->sql)
				: query->sql,
			query->params, read_installed, compat);
	}
	order_namesakes(compat);
	rm_compat_load_packages(compat);
	note_unknown(compat);
	rm_compat_load_clauses(compat, 0);
	rm_compat_load_platform(compat, scope);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}

/*
 * A row of what a release brings or a repair may use: label, name, version,
 * architecture, multi_arch, essential, clauses_known, subject, ci, component,
 * chosen, related, purl.
 */
static void
read_component(TupleTableSlot *slot, void *arg)
{
	RmCompat *compat = arg;
	const Datum *values = slot->tts_values;
	const RmPkgver *version = rm_compat_value(compat, PG_DETOAST_DATUM_PACKED(values[2]));
	text *name = DatumGetTextPP(values[1]);
	RmMember *member = rm_compat_add_member(
		compat, rm_compat_name(compat, rm_pkgver_view(version).scheme, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)));

	member->version = version;
	member->label = text_of(compat, slot, 0);
	member->architecture = text_of(compat, slot, 3);
	member->multi_arch = rm_multi_arch_of(text_of(compat, slot, 4));
	member->essential = DatumGetBool(values[5]);
	member->clauses_known = DatumGetBool(values[6]);
	member->has_subject = !slot->tts_isnull[7];
	if (member->has_subject)
		member->subject = *DatumGetUUIDP(values[7]);
	member->ci = text_of(compat, slot, 8);
	member->component = text_of(compat, slot, 9);
	member->chosen = DatumGetBool(values[10]);
	member->related = DatumGetBool(values[11]);
	rm_compat_note_system(compat, slot->tts_isnull[12] ? NULL : PG_DETOAST_DATUM_PACKED(values[12]));
}

/* A row of one label. */
static void
read_label(TupleTableSlot *slot, void *arg)
{
	*(char **) rm_array_add(arg, sizeof(char *)) = TextDatumGetCString(slot->tts_values[0]);
}

/* Take out of the baseline what the release plans to retire. */
static void
retire_planned(RmCompat *compat, const RmScope *scope)
{
	static RmPlan retired = { "SELECT r FROM release_mgmt_internal.compatibility_retired($1, $2) AS r",
							  2,
							  { UUIDOID, TEXTARRAYOID } };
	Datum values[] = { scope->package, scope->retired_on };
	bool nulls[] = { false, scope->all_retired };
	RmArray labels = { 0 };

	rm_read_plan(&retired, values, nulls, read_label, &labels);
	if (labels.used == 0)
		return;
	qsort(labels.items, labels.used, sizeof(char *), compare_strings);
	for (int i = 0; i < compat->baseline.members; i++)
	{
		const char *ci = rm_compat_member(compat, i)->ci;

		if (bsearch(&ci, labels.items, labels.used, sizeof(char *), compare_strings) != NULL)
			rm_compat_retire(compat, i, true);
	}
}

/* Lay a release over the baseline. */
void
rm_compat_load_release(RmCompat *compat, const RmScope *scope)
{
	static RmPlan components = { "SELECT * FROM release_mgmt_internal.compatibility_components($1, $2)",
								 2,
								 { UUIDOID, TEXTARRAYOID } };
	Datum values[] = { scope->package, scope->brought };
	bool nulls[] = { false, scope->all_brought };

	rm_read_plan(&components, values, nulls, read_component, compat);
	rm_compat_load_clauses(compat, compat->baseline.members);
	rm_compat_find_native(compat);
	rm_compat_index(compat, compat->baseline.clauses);
	retire_planned(compat, scope);
	rm_compat_judge_platform(compat, scope);
	rm_compat_settle(compat);
}

/* Add packages that a repair may use, of these names or providing them (text[]). */
void
rm_compat_load_candidates(RmCompat *compat, Datum package, Datum names)
{
	static RmPlan candidates = { "SELECT * FROM release_mgmt_internal.compatibility_candidates($1, $2)",
								 2,
								 { UUIDOID, TEXTARRAYOID } };
	Datum values[] = { package, names };
	int first_member = compat->members.used;
	int first_clause = compat->clauses.used;

	rm_read_plan(&candidates, values, NULL, read_component, compat);
	rm_compat_load_clauses(compat, first_member);
	rm_compat_index(compat, first_clause);
	rm_compat_judge_candidates(compat);
}
