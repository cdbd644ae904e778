/*
 * refusal.c
 *		What the guard says of changes that nothing permits.
 */
#include "postgres.h"

#include "cmdb/permit.h"
#include "cmdb/refusal.h"

#include "access/attnum.h"
#include "errcodes.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/guc.h"

/* Longest part of a value that a message shows, in bytes. */
#define SHOWN_BYTES 120

/* Most sentences of advice in one message. */
#define ADVICE_LINES 5

/* Most items that a message names. */
#define SHOWN_ITEMS 5

/* Append a value as a message shows it: quoted, cut, or NULL. */
static void
append_value(StringInfo message, const char *value)
{
	int length;

	if (value == NULL)
	{
		appendStringInfoString(message, "NULL");
		return;
	}
	length = pg_mbcliplen(value, strlen(value), SHOWN_BYTES);
	appendStringInfo(message, "\"%.*s%s\"", length, value, value[length] ? "..." : "");
}

/* Append which items beside the first are not permitted either. */
static void
append_others(StringInfo message, List *items)
{
	int others = list_length(items) - 1;

	if (others == 0)
		return;
	appendStringInfoString(message, "\nNor is what is done to ");
	for (int i = 1; i <= Min(others, SHOWN_ITEMS); i++)
		appendStringInfo(message, "%s%s", i == 1 ? "" : ", ", rm_case_label(list_nth(items, i)));
	if (others > SHOWN_ITEMS)
		appendStringInfo(message, " and %d more", others - SHOWN_ITEMS);
	appendStringInfoString(message, " permitted.");
}

/*
 * Refuse or complain of what nothing permits: all that a statement does so to
 * the first of these items, and which others it does something to.
 */
void
rm_report_unpermitted(int level, List *items)
{
	const RmCase *item = linitial(items);
	const char *label = rm_case_label(item);
	const char *release = GetConfigOption("release_mgmt.release", true, false);
	RmAttempt *first = NULL;
	List *advice = NIL;
	StringInfoData detail;
	ListCell *cell;

	initStringInfo(&detail);
	appendStringInfo(&detail, "Role \"%s\" tried to ", GetUserNameFromId(GetOuterUserId(), false));
	foreach (cell, item->attempts)
	{
		RmAttempt *attempt = lfirst(cell);

		if (attempt->check_name != NULL || attempt->is_default)
			continue;
		if (list_length(advice) < ADVICE_LINES)
			advice = rm_attempt_advice(label, attempt, advice);
		if (first == NULL)
			appendStringInfoString(&detail, attempt->operation);
		first = first == NULL ? attempt : first;
		if (attempt->attribute == NULL)
			appendStringInfo(&detail, " the item");
		else
		{
			appendStringInfo(&detail, "%s %s: ", attempt == first ? "" : ",", attempt->attribute);
			if (strcmp(attempt->operation, "change") == 0)
			{
				append_value(&detail, attempt->old_value);
				appendStringInfoString(&detail, " -> ");
			}
			append_value(&detail, attempt->new_value);
		}
	}
	appendStringInfoChar(&detail, '.');
	append_others(&detail, items);
	foreach (cell, advice)
		appendStringInfo(&detail, "\n%s", strVal(lfirst(cell)));
	if (advice == NIL && release != NULL && *release)
		appendStringInfo(&detail, "\nRelease \"%s\", which release_mgmt.release names, does not plan this.", release);
	else if (advice == NIL)
		appendStringInfoString(&detail, "\nNo release plans this.");

	ereport(level, (errcode(ERRCODE_RM_UNAUTHORIZED_CHANGE),
					errmsg("unauthorized %s of configuration item \"%s\"",
						   strcmp(first->operation, "create") == 0   ? "creation"
						   : strcmp(first->operation, "retire") == 0 ? "retirement"
																	 : "change",
						   label),
					errdetail_internal("%s", detail.data),
					errhint("Plan exactly this in release_mgmt.planned_ci_change and have the release authorized; then "
							"do it in the release's window, on its targets, as a person with the duty to. In an "
							"emergency: release_mgmt.declare_emergency().")));
}

/* Refuse a row whose key has a NULL in that column. */
void
rm_refuse_keyless(const char *class, TupleDesc desc, AttrNumber column)
{
	ereport(ERROR, (errcode(ERRCODE_RM_UNAUTHORIZED_CHANGE),
					errmsg("unauthorized change of a row that names no configuration item of class \"%s\"", class),
					errdetail("Column \"%s\" of the key is NULL, so that no release can plan the row.",
							  NameStr(TupleDescAttr(desc, AttrNumberGetAttrOffset(column))->attname)),
					errhint("Give the row a key, and the column a NOT NULL constraint again.")));
}
