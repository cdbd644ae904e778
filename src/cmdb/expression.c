/*
 * expression.c
 *		Expressions over a row of a bound table, which give an item's name, version and the like.
 *
 * Readers run as the extension's owner, so that an expression must never
 * come to run the customer's code: it is made of built-in types and immutable
 * built-in functions alone.  What it means can not change behind our back
 * either, because nobody may create casts or operators between built-in types
 * in pg_catalog, which is all that is searched; but a column may be given
 * another type, and so an expression is looked at anew whenever it is read.
 * The lock on the table is kept until the transaction ends.
 *
 * Results are the same in every session: a value whose text follows settings,
 * such as a date, is not turned into text by an expression.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/sysattr.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "cmdb/expression.h"
#include "cmdb/value.h"
#include "errcodes.h"
#include "fmgr.h"
#include "ledger/settings.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

/* The name by which SQL that reads bound tables calls the row. */
#define ROW_ALIAS "t"

PG_FUNCTION_INFO_V1(rm_row_condition);
PG_FUNCTION_INFO_V1(rm_row_expression);
PG_FUNCTION_INFO_V1(rm_row_expression_columns);

/* Say why the expression is not taken. */
static void
refuse(const char *expression, const char *reason)
{
	ereport(ERROR,
			(errcode(ERRCODE_RM_NOT_GOVERNABLE), errmsg("\"%s\" can not be read: %s", expression, reason),
			 errhint("An expression, in parentheses, is made of columns of the table's own, of built-in types and of "
					 "immutable built-in functions: (name || '.' || lower(domain)).")));
}

/* Refuse to turn a value of the type into text. */
static void
require_same_text(Oid type, const char *expression)
{
	if (type != UNKNOWNOID && rm_type_output_follows_settings(getBaseType(type)))
		refuse(expression,
			   psprintf("the text of a value of type %s depends on the session's settings", format_type_be(type)));
}

/* Does the function make text of values of any type, and is stable only for that? */
static bool
makes_text(Oid function)
{
	switch (function)
	{
		case F_CONCAT:
		case F_CONCAT_WS:
		case F_FORMAT_TEXT:
		case F_FORMAT_TEXT_ANY:
		case F_TEXTANYCAT:
		case F_ANYTEXTCAT:
			return true;
		default:
			return false;
	}
}

/* Checker of check_functions_in_node(): refuse what might run somebody's code, or answer otherwise another time. */
static bool
check_function(Oid function, void *expression)
{
	if (function >= FirstUnpinnedObjectId)
		refuse(expression, psprintf("function %s is not a built-in one", get_func_name(function)));
	if (func_volatile(function) != PROVOLATILE_IMMUTABLE && !makes_text(function))
		refuse(expression, psprintf("function %s is not immutable", get_func_name(function)));
	return false;
}

/* Refuse a function that makes text of a value whose text follows settings. */
static void
check_call(Oid function, List *args, const char *expression)
{
	ListCell *cell;

	if (!makes_text(function))
		return;
	foreach (cell, args)
		require_same_text(exprType(lfirst(cell)), expression);
}

/* Walker: refuse every node that an expression may not have. */
static bool
check_node(Node *node, char *expression)
{
	if (node == NULL)
		return false;

	switch (nodeTag(node))
	{
		case T_List:
		case T_CaseWhen:
			return expression_tree_walker(node, check_node, expression);
		case T_Var:
			if (((Var *) node)->varattno <= 0)
				refuse(expression, "it names no column of the table's own");
			break;
		case T_CoerceViaIO:
			require_same_text(exprType((Node *) ((CoerceViaIO *) node)->arg), expression);
			require_same_text(((CoerceViaIO *) node)->resulttype, expression);
			break;
		case T_FuncExpr:
			check_call(((FuncExpr *) node)->funcid, ((FuncExpr *) node)->args, expression);
			(void) check_functions_in_node(node, check_function, expression);
			break;
		case T_OpExpr:
			check_call(((OpExpr *) node)->opfuncid, ((OpExpr *) node)->args, expression);
			(void) check_functions_in_node(node, check_function, expression);
			break;
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_ScalarArrayOpExpr:
			(void) check_functions_in_node(node, check_function, expression);
			break;
		case T_Const:
		case T_BoolExpr:
		case T_RelabelType:
		case T_ArrayExpr:
		case T_ArrayCoerceExpr:
		case T_CaseExpr:
		case T_CaseTestExpr:
		case T_CoalesceExpr:
		case T_MinMaxExpr:
		case T_NullTest:
		case T_BooleanTest:
		case T_CollateExpr:
		case T_SubscriptingRef:
			break;
		default:
			refuse(expression, "it is more than columns, constants, operators and functions");
	}
	if (exprType(node) >= FirstUnpinnedObjectId)
		refuse(expression, psprintf("type %s is not a built-in one", format_type_be(exprType(node))));
	return expression_tree_walker(node, check_node, expression);
}

/* Parse the text as one expression and nothing else. */
static Node *
parse(const char *expression)
{
	List *statements = raw_parser(psprintf("SELECT %s", expression), RAW_PARSE_DEFAULT);
	SelectStmt *select;
	ResTarget *target;

	if (list_length(statements) != 1)
		refuse(expression, "it is more than one expression");
	select = castNode(SelectStmt, linitial_node(RawStmt, statements)->stmt);
	if (select->op == SETOP_NONE && select->targetList == NIL)
		refuse(expression, "it is empty");
	if (select->op != SETOP_NONE || list_length(select->targetList) != 1 || select->distinctClause != NIL ||
		select->intoClause != NULL || select->fromClause != NIL || select->whereClause != NULL ||
		select->groupClause != NIL || select->havingClause != NULL || select->windowClause != NIL ||
		select->sortClause != NIL || select->limitOffset != NULL || select->limitCount != NULL ||
		select->lockingClause != NIL || select->withClause != NULL)
		refuse(expression, "it is more than one expression");
	target = linitial_node(ResTarget, select->targetList);
	if (target->name != NULL || target->indirection != NIL)
		refuse(expression, "it is more than one expression");
	return target->val;
}

/* Hook of the parser: what is no column of the row is refused in our words. */
static Node *
find_column(ParseState *pstate, ColumnRef *reference, Node *column)
{
	if (column == NULL)
		refuse(pstate->p_ref_hook_state,
			   psprintf(list_length(reference->fields) == 1
							? "the table has no column \"%s\""
							: "%s is no column of the table's own, and a path over foreign keys stands alone",
						NameListToString(reference->fields)));
	return NULL;
}

/* Return the expression over the row, checked. */
static Node *
analyze(Relation relation, char *expression)
{
	ParseState *pstate = make_parsestate(NULL);
	ParseNamespaceItem *row;
	Node *node;

	pstate->p_post_columnref_hook = find_column;
	pstate->p_ref_hook_state = expression;
	row = addRangeTableEntryForRelation(pstate, relation, AccessShareLock, makeAlias(ROW_ALIAS, NIL), false, true);
	addNSItemToQuery(pstate, row, false, true, true);
	node = transformExpr(pstate, parse(expression), EXPR_KIND_INDEX_EXPRESSION);
	if (exprType(node) == UNKNOWNOID)
		node = coerce_to_specific_type(pstate, node, TEXTOID, "a binding");
	assign_expr_collations(pstate, node);
	(void) check_node(node, expression);
	free_parsestate(pstate);
	return node;
}

/* Is the error that is being handled one that the expression's text is to blame for? */
static bool
is_fault_of_text(void)
{
	int category = ERRCODE_TO_CATEGORY(geterrcode());

	return category == ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION || category == ERRCODE_DATA_EXCEPTION ||
		   category == ERRCODE_FEATURE_NOT_SUPPORTED;
}

/*
 * Return the expression over the row, checked; the caller holds a lock on the table.
 *
 * What the parser says of it is said of the expression: a position would be
 * one in a text that nobody has written.
 */
Node *
rm_row_expression_analyze(Relation relation, char *expression)
{
	MemoryContext context = CurrentMemoryContext;
	Node *node = NULL;

	PG_TRY();
	{
		node = analyze(relation, expression);
	}
	PG_CATCH();
	{
		if (is_fault_of_text())
		{
			ErrorData *error;

			MemoryContextSwitchTo(context);
			error = CopyErrorData();
			FlushErrorState();
			refuse(expression, error->message);
		}
		PG_RE_THROW();
	}
	PG_END_TRY();
	return node;
}

/* Open what expressions are about. */
static Relation
open_table(Oid relid)
{
	Relation relation = relation_open(relid, AccessShareLock);

	if (relation->rd_rel->relkind != RELKIND_RELATION && relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("\"%s\" is not a table", RelationGetRelationName(relation))));
	return relation;
}

/* Return a checked expression as SQL over row t. */
static text *
expression_sql(Relation relation, Node *node)
{
	List *context = deparse_context_for(ROW_ALIAS, RelationGetRelid(relation));

	return cstring_to_text(psprintf("(%s)", deparse_expression(node, context, true, false)));
}

/* row_expression(source regclass, expression text) returns text: SQL over row t */
Datum
rm_row_expression(PG_FUNCTION_ARGS)
{
	Relation relation = open_table(PG_GETARG_OID(0));
	text *sql = expression_sql(relation, rm_row_expression_analyze(relation, text_to_cstring(PG_GETARG_TEXT_PP(1))));

	relation_close(relation, NoLock);
	PG_RETURN_TEXT_P(sql);
}

/* row_condition(source regclass, condition text) returns text: the same, of an expression that is true or false */
Datum
rm_row_condition(PG_FUNCTION_ARGS)
{
	char *condition = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Relation relation = open_table(PG_GETARG_OID(0));
	Node *node = rm_row_expression_analyze(relation, condition);
	text *sql;

	if (exprType(node) != BOOLOID)
		ereport(ERROR, (errcode(ERRCODE_RM_NOT_GOVERNABLE),
						errmsg("\"%s\" is no condition: it is neither true nor false", condition)));
	sql = expression_sql(relation, node);
	relation_close(relation, NoLock);
	PG_RETURN_TEXT_P(sql);
}

/* row_expression_columns(source regclass, expression text) returns text[]: names of the columns that it reads */
Datum
rm_row_expression_columns(PG_FUNCTION_ARGS)
{
	char *expression = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Relation relation = open_table(PG_GETARG_OID(0));
	Node *node = rm_row_expression_analyze(relation, expression);
	Bitmapset *numbers = NULL;
	Datum *names;
	int count = 0;
	int number = -1;

	pull_varattnos(node, 1, &numbers);
	names = palloc(sizeof(Datum) * Max(bms_num_members(numbers), 1));
	while ((number = bms_next_member(numbers, number)) >= 0)
	{
		AttrNumber attno = number + FirstLowInvalidHeapAttributeNumber;

		names[count++] = CStringGetTextDatum(get_attname(RelationGetRelid(relation), attno, false));
	}
	relation_close(relation, NoLock);
	PG_RETURN_ARRAYTYPE_P(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Walker: does a raw expression name a column that the table does not have? */
static bool
names_missing_column(Node *node, Relation relation)
{
	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		Node *field = llast(((ColumnRef *) node)->fields);

		return !IsA(field, String) || get_attnum(RelationGetRelid(relation), strVal(field)) == InvalidAttrNumber;
	}
	return raw_expression_tree_walker(node, names_missing_column, relation);
}

PG_FUNCTION_INFO_V1(rm_row_expression_is_whole);

/* row_expression_is_whole(source regclass, expression text) returns boolean: are the columns there that it names? */
Datum
rm_row_expression_is_whole(PG_FUNCTION_ARGS)
{
	Relation relation = open_table(PG_GETARG_OID(0));
	bool is_missing = names_missing_column(parse(text_to_cstring(PG_GETARG_TEXT_PP(1))), relation);

	relation_close(relation, NoLock);
	PG_RETURN_BOOL(!is_missing);
}
