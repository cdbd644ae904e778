/*
 * own_rows.h
 *		Many rows for a governed table of the extension at once.
 */
#ifndef RM_LEDGER_OWN_ROWS_H
#define RM_LEDGER_OWN_ROWS_H

#include "postgres.h"

#include "ledger/capture.h"
#include "ledger/store.h"

typedef struct RmOwnRows
{
	RmStore store;
	RmCaptureRows *capture; /* NULL where nothing captures the table's changes */
	TupleTableSlot *slot;
} RmOwnRows;

extern const char *rm_capture_argument(Relation relation);
extern void rm_own_rows_open(RmOwnRows *rows, const char *name);
extern void rm_own_rows_add(RmOwnRows *rows, const Datum *values, const bool *nulls);
extern void rm_own_rows_close(RmOwnRows *rows);

#endif /* RM_LEDGER_OWN_ROWS_H */
