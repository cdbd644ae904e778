/*
 * refusal.h
 *		What the guard says of changes that nothing permits.
 */
#ifndef RM_CMDB_REFUSAL_H
#define RM_CMDB_REFUSAL_H

#include "postgres.h"

#include "cmdb/permit.h"

extern void rm_report_unpermitted(int level, const RmCase *item, List *others);

#endif /* RM_CMDB_REFUSAL_H */
