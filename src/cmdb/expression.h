/*
 * expression.h
 *		Expressions over a row of a bound table.
 */
#ifndef RM_CMDB_EXPRESSION_H
#define RM_CMDB_EXPRESSION_H

#include "postgres.h"

#include "nodes/nodes.h"
#include "utils/rel.h"

extern Node *rm_row_expression_analyze(Relation relation, char *expression);

#endif /* RM_CMDB_EXPRESSION_H */
