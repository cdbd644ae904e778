/*
 * pkgreq_index.c
 *		Planner support: versions that satisfy a constant requirement are found by a btree index.
 *
 * "version @@ requirement" becomes a lossy condition: not below the lowest
 * bound of the requirement, not above its highest.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "compat.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "types/pkgreq.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(rm_satisfies_support);

/* Return the comparison of the indexed expression with a bound. */
static Expr *
make_condition(Oid opfamily, Node *indexed, StrategyNumber strategy, const RmPkgver *bound)
{
	Oid type = exprType(indexed);
	Oid oper = get_opfamily_member(opfamily, type, type, strategy);

	return make_opclause(oper, BOOLOID, false, (Expr *) indexed,
						 (Expr *) makeConst(type, -1, InvalidOid, -1, PointerGetDatum(bound), false, false), InvalidOid,
						 InvalidOid);
}

/* Return the conditions that a requirement puts on the indexed expression. */
static List *
make_conditions(Oid opfamily, Node *indexed, const RmPkgreq *pkgreq)
{
	RmRequirement requirement;
	const RmRequireBound *lower;
	const RmRequireBound *upper;
	RmRangeEnd least;
	RmRangeEnd greatest;

	rm_pkgreq_parse(pkgreq, &requirement);
	rm_require_find_hull(&requirement, &lower, &upper);
	least = rm_range_set_least(requirement.scheme);
	greatest = rm_range_set_greatest(requirement.scheme);
	if (lower != NULL)
		least = rm_pkgreq_make_end(lower, least);
	if (upper != NULL)
		greatest = rm_pkgreq_make_end(upper, greatest);
	return list_make2(make_condition(opfamily, indexed, BTGreaterEqualStrategyNumber, least.version),
					  make_condition(opfamily, indexed, BTLessEqualStrategyNumber, greatest.version));
}

/*
 * satisfies_support(internal) returns internal.
 *
 * Only the operator class by precedence serves: in the one by text, a version
 * may come before the bound that it equals.
 */
Datum
rm_satisfies_support(PG_FUNCTION_ARGS)
{
	Node *node = (Node *) PG_GETARG_POINTER(0);
	SupportRequestIndexCondition *request;
	List *arguments;
	Node *indexed;
	Node *other;

	if (!IsA(node, SupportRequestIndexCondition))
		PG_RETURN_POINTER(NULL);
	request = (SupportRequestIndexCondition *) node;
	if (is_opclause(request->node))
		arguments = ((OpExpr *) request->node)->args;
	else if (is_funcclause(request->node))
		arguments = ((FuncExpr *) request->node)->args;
	else
		PG_RETURN_POINTER(NULL);

	indexed = list_nth(arguments, request->indexarg);
	other = list_nth(arguments, 1 - request->indexarg);
	if (!IsA(other, Const) || ((Const *) other)->constisnull || request->index->relam != BTREE_AM_OID ||
		get_opclass_family(GetDefaultOpClass(exprType(indexed), BTREE_AM_OID)) != request->opfamily)
		PG_RETURN_POINTER(NULL);

	request->lossy = true;
	PG_RETURN_POINTER(make_conditions(request->opfamily, indexed, DatumGetPkgreqPP(((Const *) other)->constvalue)));
}
