/*
 * compat_platform.c
 *		Whether a component is for the operating system that the target runs.
 *
 * What the target runs the CMDB says, in words of its own; what a component is
 * for its package URL says.  Both are read by read_operating_system(), so that
 * here they are texts; how they compare is remembered with the baseline, which
 * is made anew when the names that they are read by change.  Where either
 * side can not be read nothing is held against the component.
 */
#include "release/compat.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "types/purl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* So many judgements are remembered; there are as many as systems that packages are for. */
#define JUDGEMENTS_MAX 256

/* The row of ci, path, said, lasting. */
static void
read_platform(TupleTableSlot *row, void *arg)
{
	RmPlatform *platform = arg;

	platform->ci = TextDatumGetCString(row->tts_values[0]);
	platform->path = TextDatumGetCString(row->tts_values[1]);
	platform->said = row->tts_isnull[2] ? NULL : TextDatumGetCString(row->tts_values[2]);
	platform->lasting = DatumGetBool(row->tts_values[3]);
}

/* Read what the CMDB says the target of a check runs, into the current memory context. */
static RmPlatform
platform_of(const RmScope *scope)
{
	static RmPlan plan = { "SELECT p.ci, p.path, p.said, p.lasting FROM release_mgmt_internal.target_platform($1) AS p",
						   1,
						   { UUIDOID } };
	Datum target[] = { scope->target };
	RmPlatform platform = { 0 };

	if (!scope->no_target)
		rm_read_plan(&plan, target, NULL, read_platform, &platform);
	return platform;
}

/* Load what the target runs, as part of the baseline. */
void
rm_compat_load_platform(RmCompat *compat, const RmScope *scope)
{
	MemoryContext caller = MemoryContextSwitchTo(compat->context);

	compat->platform = platform_of(scope);
	MemoryContextSwitchTo(caller);
}

/* Append what a package URL says, as far as it is ASCII, of which the names of operating systems are. */
static void
append_part(StringInfo out, const RmPurlText *part)
{
	for (size_t i = 0; i < part->len; i++)
		appendStringInfoCharMacro(out, IS_HIGHBIT_SET(part->data[i]) || part->data[i] == '\t' ? '?' : part->data[i]);
}

/* The qualifier with a key; empty where there is none. */
static RmPurlText
qualifier_of(const RmPurlParts *parts, const char *key)
{
	for (int i = 0; i < parts->qualifier_count; i++)
	{
		const RmPurlQualifier *qualifier = &parts->qualifiers[i];

		if (qualifier->key.len == strlen(key) && memcmp(qualifier->key.data, key, qualifier->key.len) == 0)
			return qualifier->value;
	}
	return (RmPurlText) { 0 };
}

/*
 * Note what the member added last is for: type, namespace, and the qualifiers
 * distro and os of its package URL, with tabs between; of one that has none
 * (NULL), what its version scheme says.
 */
void
rm_compat_note_system(RmCompat *compat, const struct varlena *purl)
{
	const char **system = rm_array_add(&compat->systems, sizeof(const char *));
	RmScheme scheme = rm_compat_name_at(compat, rm_compat_member(compat, compat->members.used - 1)->name)->scheme;
	const char *last = compat->systems.used > 1 ? system[-1] : NULL;
	RmPurlParts parts;
	RmPurlText distro;
	RmPurlText os;
	StringInfoData key;

	if (purl == NULL)
	{
		*system = scheme == RM_SCHEME_DEB ? "deb\t\t\t" : scheme == RM_SCHEME_RPM ? "rpm\t\t\t" : NULL;
		return;
	}
	rm_purl_take_apart(purl, &parts);
	distro = qualifier_of(&parts, "distro");
	os = qualifier_of(&parts, "os");
	initStringInfo(&key);
	append_part(&key, &parts.type);
	appendStringInfoChar(&key, '\t');
	append_part(&key, &parts.namespace);
	appendStringInfoChar(&key, '\t');
	append_part(&key, &distro);
	appendStringInfoChar(&key, '\t');
	append_part(&key, &os);
	/* Most components in succession are for one system. */
	*system = last != NULL && strcmp(last, key.data) == 0 ? last : key.data;
	if (*system == last)
		pfree(key.data);
}

/* The judgement of a package for this system on the target as it will be; NULL: there is none yet. */
static const RmJudgement *
find_judgement(const RmCompat *compat, const char *system)
{
	for (int i = 0; i < compat->judgements.used; i++)
	{
		const RmJudgement *judgement = (RmJudgement *) compat->judgements.items + i;

		if (strcmp(judgement->wanted, system) == 0 && strcmp(judgement->said, compat->runs) == 0)
			return judgement;
	}
	return NULL;
}

/* What was asked, and the answers. */
typedef struct Asked
{
	RmCompat *compat;
	int first; /* the judgement of the first that was asked about */
} Asked;

/* The row of place, needs, target. */
static void
read_judgement(TupleTableSlot *row, void *arg)
{
	Asked *asked = arg;
	RmCompat *compat = asked->compat;
	RmJudgement *judgement =
		(RmJudgement *) compat->judgements.items + asked->first + DatumGetInt32(row->tts_values[0]) - 1;

	judgement->unreadable = row->tts_isnull[2];
	if (row->tts_isnull[1])
		return;
	judgement->needs = MemoryContextStrdup(compat->context, TextDatumGetCString(row->tts_values[1]));
	judgement->target = MemoryContextStrdup(compat->context, TextDatumGetCString(row->tts_values[2]));
}

/* Judge the systems of the members from one on that were not judged yet. */
static void
judge(RmCompat *compat)
{
	static RmPlan plan = { "SELECT u.place, u.needs, u.target FROM release_mgmt_internal.unfit_packages($1, $2) AS u",
						   2,
						   { TEXTOID, TEXTARRAYOID } };
	Asked asked = { compat };
	Datum *wanted = palloc(compat->systems.used * sizeof(Datum));
	int count = 0;
	Datum values[2];

	if (compat->judgements.used > JUDGEMENTS_MAX)
		compat->judgements.used = 0;
	asked.first = compat->judgements.used;
	for (int i = 0; i < compat->systems.used; i++)
	{
		const char *system = ((const char **) compat->systems.items)[i];
		RmJudgement *judgement;

		if (system == NULL || find_judgement(compat, system) != NULL)
			continue;
		judgement = rm_array_add(&compat->judgements, sizeof(RmJudgement));
		judgement->wanted = MemoryContextStrdup(compat->context, system);
		judgement->said = MemoryContextStrdup(compat->context, compat->runs);
		wanted[count++] = CStringGetTextDatum(system);
	}
	if (count == 0)
		return;
	values[0] = CStringGetTextDatum(compat->runs);
	values[1] = PointerGetDatum(construct_array(wanted, count, TEXTOID, -1, false, TYPALIGN_INT));
	rm_read_plan(&plan, values, NULL, read_judgement, &asked);
}

/* The row of what the target is planned to run; NULL where that can not be told. */
static void
read_planned(TupleTableSlot *row, void *arg)
{
	RmCompat *compat = arg;

	compat->runs = row->tts_isnull[0] ? NULL : TextDatumGetCString(row->tts_values[0]);
}

/* Find out what the target runs once the release is installed, and whether its members are for that. */
void
rm_compat_judge_platform(RmCompat *compat, const RmScope *scope)
{
	static RmPlan planned = { "SELECT release_mgmt_internal.planned_platform($2, pg_catalog.array_agg(x.attribute), "
							  "pg_catalog.array_agg(x.new_value)) "
							  "FROM release_mgmt.planned_ci_change AS x JOIN release_mgmt.release_package AS p ON "
							  "p.release_id OPERATOR(pg_catalog.=) x.release_id "
							  "WHERE p.id OPERATOR(pg_catalog.=) $1 AND x.ci OPERATOR(pg_catalog.=) $2 AND x.operation "
							  "OPERATOR(pg_catalog.=) 'change' "
							  "AND ($3 IS NULL OR x.target OPERATOR(pg_catalog.=) ANY ($3)) HAVING pg_catalog.count(*) "
							  "OPERATOR(pg_catalog.>) 0",
							  3,
							  { UUIDOID, TEXTOID, TEXTARRAYOID } };
	bool bound = false;
	const RmPlatform *platform = &compat->platform;
	RmPlatform present;

	for (int i = 0; i < compat->systems.used; i++)
		bound = bound || ((const char **) compat->systems.items)[i] != NULL;
	if (!bound || platform->ci == NULL)
		return;
	present = platform->lasting ? *platform : platform_of(scope);
	compat->now_runs = compat->runs = present.said;
	rm_read_plan(&planned, (Datum[]) { scope->package, CStringGetTextDatum(platform->ci), scope->retired_on },
				 (bool[]) { false, false, scope->all_retired }, read_planned, compat);
	if (compat->runs != NULL)
		judge(compat);
}

/* Judge what a repair may bring in, too. */
void
rm_compat_judge_candidates(RmCompat *compat)
{
	if (compat->runs != NULL)
		judge(compat);
}

/* The judgement that keeps a member of the release off the target; NULL where none does. */
const RmJudgement *
rm_compat_foreign_platform(const RmCompat *compat, int member)
{
	const char *system = ((const char **) compat->systems.items)[member - compat->baseline.members];
	const RmJudgement *judgement;

	if (system == NULL || compat->runs == NULL)
		return NULL;
	judgement = find_judgement(compat, system);
	return judgement == NULL || judgement->needs == NULL ? NULL : judgement;
}

/* How many members are for some system, where what the target runs can not be read; else 0. */
int
rm_compat_unread_platform(const RmCompat *compat)
{
	int count = 0;

	for (int i = 0; i < compat->systems.used && compat->runs != NULL; i++)
	{
		const char *system = ((const char **) compat->systems.items)[i];

		if (system != NULL && find_judgement(compat, system)->unreadable)
			count++;
	}
	return count;
}

/* Say what the target runs, and where that was read. */
char *
rm_compat_platform_seen(const RmCompat *compat)
{
	bool planned = compat->now_runs == NULL || strcmp(compat->now_runs, compat->runs) != 0;

	return psprintf("%s: %s is%s \"%s\"", compat->platform.ci, compat->platform.path, planned ? " planned to be" : "",
					compat->runs);
}

/* Say what tells that a member is for some system. */
char *
rm_compat_system_told(const RmCompat *compat, int member)
{
	const char *system = ((const char **) compat->systems.items)[member - compat->baseline.members];
	const char *part[3];
	StringInfoData out;

	part[0] = strchr(system, '\t') + 1;
	part[1] = strchr(part[0], '\t') + 1;
	part[2] = strchr(part[1], '\t') + 1;
	if (part[0][0] == '\t' && part[1][0] == '\t' && part[2][0] == '\0')
		return psprintf("its version is one of scheme %.*s", (int) (part[0] - system - 1), system);
	initStringInfo(&out);
	appendStringInfo(&out, "its package URL is pkg:%.*s/", (int) (part[0] - system - 1), system);
	if (part[0][0] != '\t')
		appendStringInfo(&out, "%.*s/", (int) (part[1] - part[0] - 1), part[0]);
	appendStringInfoString(&out, "...");
	if (part[1][0] != '\t')
		appendStringInfo(&out, "?distro=%.*s", (int) (part[2] - part[1] - 1), part[1]);
	if (part[2][0] != '\0')
		appendStringInfo(&out, "%cos=%s", part[1][0] != '\t' ? '&' : '?', part[2]);
	return out.data;
}
