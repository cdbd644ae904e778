/*
 * cases.h
 *		What a statement does to configuration items, until it is judged.
 */
#ifndef RM_CMDB_CASES_H
#define RM_CMDB_CASES_H

#include "postgres.h"

#include "cmdb/permit.h"

typedef void (*RmJudge)(List *cases);

extern void rm_cases_add(const RmCase *item, RmJudge judge);
extern void rm_cases_judge(RmJudge judge);

#endif /* RM_CMDB_CASES_H */
