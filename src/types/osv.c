/*
 * osv.c
 *		Versions that an advisory in the OSV format affects (OSV schema, "Evaluation").
 */
#include "postgres.h"

#include "compat.h"
#include "types/range_set.h"
#include "types/report.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(rm_osv_scheme);
PG_FUNCTION_INFO_V1(rm_osv_events);

/* In the order in which events of one version take effect. */
typedef enum EventKind
{
	EVENT_INTRODUCED,
	EVENT_LAST_AFFECTED,
	EVENT_FIXED,
	EVENT_LIMIT
} EventKind;

typedef struct Event
{
	EventKind kind;
	RmPkgver *version; /* NULL: below every version (introduced), above every one (limit) */
} Event;

typedef struct EventList
{
	RmScheme scheme;
	int count;
	int capacity;
	Event *events;
} EventList;

/* Ecosystems of OSV by the scheme of their versions; what follows a colon (a release) is left out. */
static const struct
{
	const char *ecosystem;
	RmScheme scheme;
} ecosystems[] = {
	{ "npm", RM_SCHEME_SEMVER },
	{ "crates.io", RM_SCHEME_SEMVER },
	{ "Go", RM_SCHEME_SEMVER },
	{ "Hex", RM_SCHEME_SEMVER },
	{ "Pub", RM_SCHEME_SEMVER },
	{ "SwiftURL", RM_SCHEME_SEMVER },
	{ "GitHub Actions", RM_SCHEME_SEMVER },
	{ "Bitnami", RM_SCHEME_SEMVER },
	{ "VSCode", RM_SCHEME_SEMVER },
	{ "PyPI", RM_SCHEME_PEP440 },
	{ "Maven", RM_SCHEME_MAVEN },
	{ "NuGet", RM_SCHEME_NUGET },
	{ "Debian", RM_SCHEME_DEB },
	{ "Ubuntu", RM_SCHEME_DEB },
	{ "Echo", RM_SCHEME_DEB },
	{ "Red Hat", RM_SCHEME_RPM },
	{ "AlmaLinux", RM_SCHEME_RPM },
	{ "Rocky Linux", RM_SCHEME_RPM },
	{ "openSUSE", RM_SCHEME_RPM },
	{ "SUSE", RM_SCHEME_RPM },
	{ "Mageia", RM_SCHEME_RPM },
	{ "Photon OS", RM_SCHEME_RPM },
	{ "openEuler", RM_SCHEME_RPM },
	{ "Azure Linux", RM_SCHEME_RPM },
};

/* osv_scheme(ecosystem text) returns text. */
Datum
rm_osv_scheme(PG_FUNCTION_ARGS)
{
	char *ecosystem = text_to_cstring(PG_GETARG_TEXT_PP(0));
	size_t len = strcspn(ecosystem, ":");

	for (int i = 0; i < lengthof(ecosystems); i++)
	{
		if (strlen(ecosystems[i].ecosystem) == len && memcmp(ecosystems[i].ecosystem, ecosystem, len) == 0)
			PG_RETURN_TEXT_P(cstring_to_text(rm_scheme_name(ecosystems[i].scheme)));
	}
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("the versions of ecosystem \"%s\" follow no known scheme",
						   rm_report_clip(ecosystem, strlen(ecosystem))),
					errhint("Name the scheme yourself: osv_events(scheme, events).")));
}

/* Append an event. */
static void
add_event(EventList *list, EventKind kind, const char *version, size_t len)
{
	bool none = (kind == EVENT_INTRODUCED && len == 1 && version[0] == '0') ||
				(kind == EVENT_LIMIT && len == 1 && version[0] == '*');

	if (list->count == list->capacity)
	{
		list->capacity = list->capacity * 2 + 8;
		list->events = list->events == NULL ? palloc(list->capacity * sizeof(Event))
											: repalloc(list->events, list->capacity * sizeof(Event));
	}
	list->events[list->count++] = (Event) { kind, none ? NULL : rm_pkgver_construct(list->scheme, version, len) };
}

/* Read the array of events: objects with one of the four keys each. */
static void
read_events(Jsonb *array, EventList *list)
{
	static const char *const names[] = { "introduced", "last_affected", "fixed", "limit" };
	JsonbIterator *iterator = JsonbIteratorInit(&array->root);
	JsonbIteratorToken token;
	JsonbValue value;
	int depth = 0;
	int kind = -1;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		bool wrong = false;

		if (token == WJB_BEGIN_ARRAY)
			wrong = depth++ != 0;
		else if (token == WJB_BEGIN_OBJECT)
			wrong = depth++ != 1;
		else if (token == WJB_END_ARRAY || token == WJB_END_OBJECT)
			depth--;
		else if (token == WJB_ELEM)
			wrong = true;
		else if (token == WJB_KEY)
		{
			kind = -1;
			for (int i = 0; i < lengthof(names); i++)
			{
				if (strlen(names[i]) == value.val.string.len &&
					memcmp(names[i], value.val.string.val, value.val.string.len) == 0)
					kind = i;
			}
			wrong = kind < 0;
		}
		else if (token == WJB_VALUE)
		{
			wrong = value.type != jbvString;
			if (!wrong)
				add_event(list, (EventKind) kind, value.val.string.val, value.val.string.len);
		}
		if (wrong)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("events of an advisory can not be read"),
					 errdetail("An array is expected, of objects whose keys are introduced, fixed, last_affected or "
							   "limit and whose values are texts."),
					 errhint("Give the array \"events\" of one range.")));
	}
}

/* Order events by version, those of one version by kind. */
static int
compare_events(const void *a, const void *b)
{
	const Event *x = a;
	const Event *y = b;
	int order;

	if (x->version == NULL || y->version == NULL)
		order = (x->version != NULL) - (y->version != NULL);
	else
		order = rm_pkgver_compare(x->version, y->version);
	return order != 0 ? order : (int) x->kind - (int) y->kind;
}

/* Add the range between two ends, as far as it lies before the limit (NULL: none). */
static void
add_affected(RmRangeSet *set, RmRangeEnd lower, RmRangeEnd upper, RmPkgver *limit)
{
	if (limit != NULL && rm_pkgver_compare(upper.version, limit) >= 0)
		upper = (RmRangeEnd) { limit, false };
	rm_range_set_add(set, lower, upper);
}

/*
 * osv_events(scheme text, events jsonb) returns pkgver_multirange.
 *
 * Goes through the events in the order of their versions, as the schema's
 * algorithm does for one version at a time.
 */
Datum
rm_osv_events(PG_FUNCTION_ARGS)
{
	EventList list = { rm_pkgver_require_scheme(PG_GETARG_TEXT_PP(0)), 0, 0, NULL };
	RmRangeSet affected;
	RmRangeEnd lower = { NULL, false };
	RmPkgver *limit = NULL;
	bool unlimited = false;

	read_events(PG_GETARG_JSONB_P(1), &list);
	if (list.count > 0)
		qsort(list.events, list.count, sizeof(Event), compare_events);
	rm_range_set_begin(&affected, fcinfo);

	/* The greatest limit counts; * is greater than any. */
	for (int i = 0; i < list.count; i++)
	{
		if (list.events[i].kind != EVENT_LIMIT)
			continue;
		if (list.events[i].version == NULL)
			unlimited = true;
		else if (!unlimited)
			limit = list.events[i].version;
	}

	for (int i = 0; i < list.count; i++)
	{
		Event *event = &list.events[i];

		if (event->kind == EVENT_INTRODUCED && lower.version == NULL)
			lower = event->version == NULL ? rm_range_set_least(list.scheme) : (RmRangeEnd) { event->version, true };
		else if ((event->kind == EVENT_FIXED || event->kind == EVENT_LAST_AFFECTED) && lower.version != NULL)
		{
			add_affected(&affected, lower, (RmRangeEnd) { event->version, event->kind == EVENT_LAST_AFFECTED }, limit);
			lower.version = NULL;
		}
	}
	if (lower.version != NULL)
		add_affected(&affected, lower, rm_range_set_greatest(list.scheme), limit);
	PG_RETURN_MULTIRANGE_P(rm_range_set_unite(&affected));
}
