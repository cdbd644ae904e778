/*
 * value.h
 *		Column values of bound tables as text.
 */
#ifndef RM_CMDB_VALUE_H
#define RM_CMDB_VALUE_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"
#include "fmgr.h"

extern Datum rm_canonical_value(PG_FUNCTION_ARGS);
extern char *rm_value_text(Datum value, Oid type);
extern bool rm_value_same(Datum a, bool a_null, Datum b, bool b_null, Form_pg_attribute attribute);
extern bool rm_type_is_safely_read(Oid type);
extern Form_pg_attribute rm_attribute_named(TupleDesc desc, const char *name);
extern TupleDesc rm_record_deform(HeapTupleHeader record, Datum **values, bool **nulls);

#endif /* RM_CMDB_VALUE_H */
