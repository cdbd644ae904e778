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
#include "catalog/pg_class.h"
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

/* What a setting's check hook hands on is freed as guc_malloc() allocates since 16. */
#if PG_VERSION_NUM < 160000
#define rm_guc_malloc(size) malloc(size)
#else
#define rm_guc_malloc(size) guc_malloc(LOG, size)
#endif

/* Privileges are checked by entries of their own since 16, before by those of the range table. */
#if PG_VERSION_NUM < 160000
#define RmPermInfo RangeTblEntry
#define rm_check_permissions(range_table, infos, report) ExecCheckRTPerms(infos, report)
#define rm_function_aclcheck(function, role, mode) pg_proc_aclcheck(function, role, mode)
#define RM_DEFINE_CHECK_PERMS(name, next, check)                                                                       \
	static bool name(List *range_table, bool report)                                                                   \
	{                                                                                                                  \
		return ((next) == NULL || (next) (range_table, report)) && check(range_table, range_table, report);            \
	}
#else
#define RmPermInfo RTEPermissionInfo
#define rm_check_permissions(range_table, infos, report) ExecCheckPermissions(range_table, infos, report)
#define rm_function_aclcheck(function, role, mode) object_aclcheck(ProcedureRelationId, function, role, mode)
#define RM_DEFINE_CHECK_PERMS(name, next, check)                                                                       \
	static bool name(List *range_table, List *infos, bool report)                                                      \
	{                                                                                                                  \
		return ((next) == NULL || (next) (range_table, infos, report)) && check(range_table, infos, report);           \
	}
#endif

#endif /* RM_COMPAT_H */
