/*
 * compat.h
 *		The one place that knows a server version (PostgreSQL 15 to 18).
 */
#ifndef RM_COMPAT_H
#define RM_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "release_mgmt builds with PostgreSQL 15 to 18"
#endif

#if PG_VERSION_NUM < 160000
/* Soft errors came with 16; before, a soft error is a hard one. */
#define ereturn(context, dummy_value, ...)                                                                             \
	do                                                                                                                 \
	{                                                                                                                  \
		(void) (context);                                                                                              \
		ereport(ERROR, __VA_ARGS__);                                                                                   \
		return dummy_value;                                                                                            \
	} while (0)
#endif

/* VARDATA_ANY and its kin moved out of postgres.h with 16. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* range_serialize() takes a place for soft errors since 16. */
#if PG_VERSION_NUM >= 160000
#define rm_compat_range_serialize(typcache, lower, upper) range_serialize(typcache, lower, upper, false, NULL)
#else
#define rm_compat_range_serialize(typcache, lower, upper) range_serialize(typcache, lower, upper, false)
#endif

/* uuidv7() came with 18. */
#if PG_VERSION_NUM >= 180000
#include "utils/fmgrprotos.h"
#define RM_HAVE_UUIDV7
#endif

/* One ownership check for all kinds of objects came with 16. */
#if PG_VERSION_NUM < 160000
#define rm_relation_is_owned(relid, roleid) pg_class_ownercheck(relid, roleid)
#else
#define rm_relation_is_owned(relid, roleid) object_ownercheck(RelationRelationId, relid, roleid)
#endif

#if PG_VERSION_NUM < 160000
#define rm_qualified_name_list(string) stringToQualifiedNameList(string)
#else
#define rm_qualified_name_list(string) stringToQualifiedNameList(string, NULL)
#endif

/* ExecInsertIndexTuples got one more argument with 16. */
#if PG_VERSION_NUM < 160000
#define rm_exec_insert_index_tuples(result, slot, estate)                                                              \
	ExecInsertIndexTuples(result, slot, estate, false, false, NULL, NIL)
#else
#define rm_exec_insert_index_tuples(result, slot, estate)                                                              \
	ExecInsertIndexTuples(result, slot, estate, false, false, NULL, NIL, false)
#endif

/* index_beginscan got a place for statistics with 18. */
#if PG_VERSION_NUM < 180000
#define rm_index_beginscan(heap, index, snapshot, nkeys) index_beginscan(heap, index, snapshot, nkeys, 0)
#else
#define rm_index_beginscan(heap, index, snapshot, nkeys) index_beginscan(heap, index, snapshot, NULL, nkeys, 0)
#endif

#endif /* RM_COMPAT_H */
