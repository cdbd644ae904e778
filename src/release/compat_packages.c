/*
 * compat_packages.c
 *		What is known of the packages that a baseline holds.
 *
 * A package is known from load_package_clauses(), else from the library.  Names
 * and versions are those of the CMDB; an architecture counts where the CMDB
 * tells it, otherwise the first that is known is taken.
 */
#include "release/compat.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* For so many members and more, the whole tables are read. */
#define MANY_MEMBERS 2000

typedef struct Loading
{
	RmCompat *compat;
	bool from_library;
	char *places; /* for each member: 0 not known yet, 1 known, 2 from the library */
	const char *architecture;
} Loading;

/* The value of a Multi-Arch field; NULL is none. */
RmMultiArch
rm_multi_arch_of(const char *word)
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

/* The architecture of a row, kept; most rows in succession have the same. */
static const char *
architecture_of(Loading *loading, const text *word)
{
	size_t length = VARSIZE_ANY_EXHDR(word);

	if (loading->architecture == NULL || strlen(loading->architecture) != length ||
		memcmp(loading->architecture, VARDATA_ANY(word), length) != 0)
		loading->architecture = rm_compat_text(loading->compat, VARDATA_ANY(word), length);
	return loading->architecture;
}

/* Whether what a row tells of a member comes before what is known of it: by architecture, then by id. */
static bool
comes_before(const RmMember *member, const char *architecture, const pg_uuid_t *id)
{
	int order =
		strcmp(architecture == NULL ? "" : architecture, member->architecture == NULL ? "" : member->architecture);

	return order < 0 || (order == 0 && memcmp(id->data, member->subject.data, UUID_LEN) < 0);
}

/* The row of id, name, version, architecture, multi_arch, essential. */
static void
read_package(TupleTableSlot *slot, void *arg)
{
	Loading *loading = arg;
	RmCompat *compat = loading->compat;
	const Datum *values = slot->tts_values;
	pg_uuid_t *id = DatumGetUUIDP(values[0]);
	text *name = DatumGetTextPP(values[1]);
	RmPkgver *version = DatumGetPkgverPP(values[2]);
	int place = loading->from_library ? 2 : 1;
	int found = rm_compat_find_name(compat, rm_pkgver_view(version).scheme, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));

	for (int i = found < 0 ? -1 : rm_compat_name_at(compat, found)->first_member; i >= 0;
		 i = rm_compat_member(compat, i)->next_namesake)
	{
		RmMember *member = rm_compat_member(compat, i);
		const char *architecture = slot->tts_isnull[3] ? NULL : architecture_of(loading, DatumGetTextPP(values[3]));

		if (rm_pkgver_compare(member->version, version) != 0)
			continue;
		if (member->architecture_stated && architecture != NULL && strcmp(member->architecture, architecture) != 0)
			continue;
		if (loading->places[i] != 0 && (loading->places[i] < place || !comes_before(member, architecture, id)))
			continue;
		loading->places[i] = place;
		if (architecture != NULL)
			member->architecture = architecture;
		member->multi_arch = slot->tts_isnull[4] ? RM_MULTI_ARCH_NO : rm_multi_arch_of(TextDatumGetCString(values[4]));
		member->essential = DatumGetBool(values[5]);
		member->clauses_known = member->has_subject = true;
		member->subject = *id;
	}
}

/* Find out what is known of every member of the baseline. */
void
rm_compat_load_packages(RmCompat *compat)
{
	static RmPlan plans[2][2] = {
		{ { "SELECT p.id, p.name, p.version, p.architecture, p.multi_arch, p.essential FROM release_mgmt.known_package "
			"AS p",
			0 },
		  { "SELECT i.id, i.name, i.version, i.architecture, i.multi_arch, false FROM release_mgmt.library_item AS i "
			"WHERE i.version IS NOT NULL AND i.state OPERATOR(pg_catalog.=) ANY ('{accepted,retired}')",
			0 } },
		{ { "SELECT p.id, p.name, p.version, p.architecture, p.multi_arch, p.essential FROM release_mgmt.known_package "
			"AS p "
			"WHERE p.name OPERATOR(pg_catalog.=) ANY ($1)",
			1,
			{ TEXTARRAYOID } },
		  { "SELECT i.id, i.name, i.version, i.architecture, i.multi_arch, false FROM release_mgmt.library_item AS i "
			"WHERE i.version IS NOT NULL AND i.state OPERATOR(pg_catalog.=) ANY ('{accepted,retired}') "
			"AND i.name OPERATOR(pg_catalog.=) ANY ($1)",
			1,
			{ TEXTARRAYOID } } },
	};
	Loading loading = { .compat = compat };
	bool few = compat->members.used <= MANY_MEMBERS;
	Datum values[1] = { 0 };

	if (compat->members.used == 0)
		return;
	loading.places = palloc0(compat->members.used);
	if (few)
	{
		Datum *names = palloc(compat->names.used * sizeof(Datum));

		for (int i = 0; i < compat->names.used; i++)
			names[i] = CStringGetTextDatum(rm_compat_name_at(compat, i)->text);
		values[0] = PointerGetDatum(construct_array(names, compat->names.used, TEXTOID, -1, false, TYPALIGN_INT));
	}
	for (int place = 0; place < 2; place++)
	{
		loading.from_library = place == 1;
		rm_read_plan(&plans[few][place], values, NULL, read_package, &loading);
	}
	pfree(loading.places);
}
