/*
 * ddl.c
 *		What event triggers of the ledger can not ask from SQL.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "ledger/ledger.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"

PG_FUNCTION_INFO_V1(rm_caller_is_superuser);
PG_FUNCTION_INFO_V1(rm_follow_alter_command);
PG_FUNCTION_INFO_V1(rm_follow_type);

/* How deep this backend is in DDL of the extension's own. */
static int own_ddl = 0;

/* caller_is_superuser() returns boolean: of the role in effect outside every SECURITY DEFINER function. */
Datum
rm_caller_is_superuser(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(superuser_arg(GetOuterUserId()));
}

/* What a command did to columns. */
typedef struct ColumnChanges
{
	bool reshaped;  /* columns came, went, or got a type */
	bool moved;     /* a column that was there may hold other values */
	List *retyped;  /* names of the columns that were given a type */
	List *computed; /* those of them whose values were computed by USING */
} ColumnChanges;

/* Take in one subcommand of ALTER TABLE, or of ALTER TYPE of a composite type. */
static void
note_subcommand(ColumnChanges *changes, const AlterTableCmd *command)
{
	switch (command->subtype)
	{
		case AT_AddColumn:
		case AT_DropColumn:
			changes->reshaped = true;
			break;
		case AT_AlterColumnType:
			changes->reshaped = changes->moved = true;
			changes->retyped = lappend(changes->retyped, command->name);
			if (castNode(ColumnDef, command->def)->raw_default)
				changes->computed = lappend(changes->computed, command->name);
			break;
		case AT_DropExpression:
			changes->moved = true;
			break;
		default:
			break;
	}
}

/* Return what the command did to columns. */
static ColumnChanges
column_changes(Node *parsetree)
{
	ColumnChanges changes = { 0 };
	ListCell *cell;

	if (IsA(parsetree, AlterTableStmt))
	{
		foreach (cell, castNode(AlterTableStmt, parsetree)->cmds)
			note_subcommand(&changes, lfirst_node(AlterTableCmd, cell));
	}
	return changes;
}

/* Return the names as text[]. */
static Datum
name_array(List *names)
{
	Datum *elements = palloc(sizeof(Datum) * Max(list_length(names), 1));
	int count = 0;
	ListCell *cell;

	foreach (cell, names)
		elements[count++] = CStringGetTextDatum(lfirst(cell));
	return PointerGetDatum(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Tell SQL what a command did to the columns of relations and composite types. */
static void
follow_columns(const ColumnChanges *changes)
{
	Oid types[] = { BOOLOID, BOOLOID, TEXTARRAYOID, TEXTARRAYOID };
	Datum values[] = { BoolGetDatum(changes->reshaped), BoolGetDatum(changes->moved), name_array(changes->retyped),
					   name_array(changes->computed) };

	if (SPI_connect() != SPI_OK_CONNECT ||
		SPI_execute_with_args("SELECT release_mgmt_internal.follow_alter_of_governed($1, $2, $3, $4)", lengthof(types),
							  types, values, NULL, false, 0) != SPI_OK_SELECT ||
		SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not record what became of governed tables");
}

/* Event trigger rm_ledger_alter at the end of commands that change relations. */
Datum
rm_follow_alter_command(PG_FUNCTION_ARGS)
{
	ColumnChanges changes;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		elog(ERROR, "follow_alter_command() is an event trigger function");
	if (!rm_ledger_is_active() || own_ddl > 0)
		PG_RETURN_NULL();

	changes = column_changes(((EventTriggerData *) fcinfo->context)->parsetree);
	follow_columns(&changes);
	PG_RETURN_NULL();
}

/*
 * Does the command, ALTER TYPE, change values that are stored?
 *
 * Of what is done to other types than composite ones, only another name for an
 * enum's value does.
 */
bool
rm_ledger_alters_values(Node *parsetree)
{
	return IsA(parsetree, AlterTableStmt) ||
		   (IsA(parsetree, AlterEnumStmt) && castNode(AlterEnumStmt, parsetree)->oldVal != NULL);
}

/* Does the command give an attribute of a composite type another name? */
static bool
renames_attribute(Node *parsetree)
{
	return IsA(parsetree, RenameStmt) && castNode(RenameStmt, parsetree)->renameType == OBJECT_ATTRIBUTE;
}

/*
 * Event trigger rm_ledger_type at the end of ALTER TYPE and ALTER DOMAIN.
 *
 * A composite type is altered as a relation is, and so is what has columns of
 * its attributes' names.  Another name for the type belongs to the schema of
 * tables.
 */
Datum
rm_follow_type(PG_FUNCTION_ARGS)
{
	Oid type = BOOLOID;
	Datum renamed;
	Node *parsetree;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		elog(ERROR, "follow_type() is an event trigger function");
	if (!rm_ledger_is_active())
		PG_RETURN_NULL();

	parsetree = ((EventTriggerData *) fcinfo->context)->parsetree;
	if (IsA(parsetree, AlterTableStmt) || renames_attribute(parsetree))
	{
		ColumnChanges changes = column_changes(parsetree);

		follow_columns(&changes);
		PG_RETURN_NULL();
	}
	renamed = BoolGetDatum(rm_ledger_alters_values(parsetree));
	if (SPI_connect() != SPI_OK_CONNECT ||
		SPI_execute_with_args("SELECT release_mgmt_internal.record_type(c.objid, $1) "
							  "FROM pg_catalog.pg_event_trigger_ddl_commands() AS c "
							  "WHERE c.classid = 'pg_catalog.pg_type'::pg_catalog.regclass",
							  1, &type, &renamed, NULL, false, 0) != SPI_OK_SELECT ||
		SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not record the rows that hold values of an altered type");
	PG_RETURN_NULL();
}

PG_FUNCTION_INFO_V1(rm_run_own_ddl);

/*
 * run_own_ddl(statement text) returns void
 *
 * Attaching triggers takes several statements, and the extension's event
 * triggers look away until the last.  The depth is restored on an error: a
 * setting in its place would be the caller's to set.
 */
Datum
rm_run_own_ddl(PG_FUNCTION_ARGS)
{
	char *statement = text_to_cstring(PG_GETARG_TEXT_PP(0));

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	own_ddl++;
	PG_TRY();
	{
		if (SPI_execute(statement, false, 0) != SPI_OK_UTILITY)
			elog(ERROR, "not a utility statement: %s", statement);
	}
	PG_FINALLY();
	{
		own_ddl--;
	}
	PG_END_TRY();
	SPI_finish();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(rm_in_own_ddl);

/* in_own_ddl() returns boolean */
Datum
rm_in_own_ddl(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(own_ddl > 0);
}
