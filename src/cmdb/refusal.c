/*
 * refusal.c
 *		What the guard says of changes that nothing permits.
 */
#include "postgres.h"

#include "cmdb/permit.h"
#include "cmdb/refusal.h"

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

/* Append which other items of the statement are not permitted either. */
static void
append_others(StringInfo message, List *others)
{
	ListCell *cell;

	if (others == NIL)
		return;
	appendStringInfoString(message, "\nNor is what is done to ");
	foreach (cell, others)
	{
		if (foreach_current_index(cell) == SHOWN_ITEMS)
			break;
		appendStringInfo(message, "%s%s", foreach_current_index(cell) == 0 ? "" : ", ", rm_case_label(lfirst(cell)));
	}
	if (list_length(others) > SHOWN_ITEMS)
		appendStringInfo(message, " and %d more", list_length(others) - SHOWN_ITEMS);
	appendStringInfoString(message, " permitted.");
}

/* Refuse or complain, listing everything that nothing permits; others: items of which the same is true. */
void
rm_report_unpermitted(int level, const RmCase *item, List *others)
{
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
	append_others(&detail, others);
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
