/*
 * image.h
 *		Images of rows, as what changed in them is kept, for reading.
 */
#ifndef RM_LEDGER_IMAGE_H
#define RM_LEDGER_IMAGE_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"
#include "ledger/canonical.h"
#include "ledger/governed.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

extern char *rm_image_of_row(RmGoverned *governed, HeapTuple tuple, TupleDesc desc, int *len);
extern void rm_image_push_name(JsonbParseState **json, const pg_uuid_t *table_id, const RmOldPair *pair);
extern void rm_image_push_value(JsonbParseState **json, const RmOldPair *pair);
extern Datum rm_image_to_jsonb(const pg_uuid_t *table_id, const char *image, int len);

#endif /* RM_LEDGER_IMAGE_H */
