/*
 * capture.h
 *		Recording rows that no trigger fires for.
 */
#ifndef RM_LEDGER_CAPTURE_H
#define RM_LEDGER_CAPTURE_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "ledger/change.h"
#include "utils/relcache.h"

typedef struct RmCaptureRows RmCaptureRows;

extern RmCaptureRows *rm_capture_rows_begin(Relation relation, const char *table_id, RmOperation operation);
extern void rm_capture_rows_add(RmCaptureRows *capture, TupleTableSlot *slot);
extern void rm_capture_rows_end(RmCaptureRows *capture);

#endif /* RM_LEDGER_CAPTURE_H */
