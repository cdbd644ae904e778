/*
 * refusal.h
 *		What the guard says of changes that nothing permits.
 */
#ifndef RM_CMDB_REFUSAL_H
#define RM_CMDB_REFUSAL_H

#include "postgres.h"

#include "access/attnum.h"
#include "access/tupdesc.h"
#include "nodes/pg_list.h"

extern void rm_report_unpermitted(int level, List *items);
extern void rm_refuse_keyless(const char *class, TupleDesc desc, AttrNumber column);

#endif /* RM_CMDB_REFUSAL_H */
