/*
 * refusal.h
 *		What the guard says of changes that nothing permits.
 */
#ifndef RM_CMDB_REFUSAL_H
#define RM_CMDB_REFUSAL_H

#include "postgres.h"

#include "nodes/pg_list.h"

extern void rm_report_unpermitted(int level, List *items);

#endif /* RM_CMDB_REFUSAL_H */
