/*
 * asked.h
 *		What a check at the point ci_change is asked about many changes at once.
 */
#ifndef RM_CMDB_ASKED_H
#define RM_CMDB_ASKED_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/uuid.h"

/* The columns of what is asked, in the order of the arguments. */
typedef enum RmAskedColumn
{
	RM_ASKED_CI,
	RM_ASKED_OPERATION,
	RM_ASKED_ATTRIBUTE,
	RM_ASKED_OLD_VALUE,
	RM_ASKED_NEW_VALUE,
	RM_ASKED_NCOLUMNS
} RmAskedColumn;

/* A text[] for each column, of the same length. */
typedef struct RmAsked
{
	Datum *values[RM_ASKED_NCOLUMNS];
	bool *nulls[RM_ASKED_NCOLUMNS];
	int count;
} RmAsked;

extern void rm_asked_read(FunctionCallInfo fcinfo, int first, RmAsked *asked);
extern Datum rm_asked_answer(const pg_uuid_t **answers, int count);

#endif /* RM_CMDB_ASKED_H */
