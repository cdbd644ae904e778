/*
 * restoration.c
 *		What a back-out is about to restore, written down.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "ledger/own_rows.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

/* Attribute numbers of ci_restoration. */
enum
{
	RESTORATION_ID = 1,
	RESTORATION_BACK_OUT_ID,
	RESTORATION_CI,
	RESTORATION_OPERATION,
	RESTORATION_ATTRIBUTE,
	RESTORATION_OLD_VALUE,
	RESTORATION_NEW_VALUE,
	RESTORATION_NATTS = RESTORATION_NEW_VALUE
};

PG_FUNCTION_INFO_V1(rm_record_restorations);

extern Datum rm_new_id(PG_FUNCTION_ARGS);

/*
 * record_restorations(back_out uuid, ci text[], operation text[],
 *					   attribute text[], old_value text[], new_value text[])
 * returns void
 *
 * The back-out was written in this transaction, so that no foreign key needs to
 * ask for it.
 */
Datum
rm_record_restorations(PG_FUNCTION_ARGS)
{
	Datum *columns[RESTORATION_NATTS];
	bool *column_nulls[RESTORATION_NATTS];
	Datum values[RESTORATION_NATTS];
	bool nulls[RESTORATION_NATTS] = { false };
	RmOwnRows rows;
	int count = 0;

	for (int i = RESTORATION_CI - 1; i < RESTORATION_NATTS; i++)
	{
		int length;

		deconstruct_array(PG_GETARG_ARRAYTYPE_P(i - 1), TEXTOID, -1, false, TYPALIGN_INT, &columns[i], &column_nulls[i],
						  &length);
		if (i > RESTORATION_CI - 1 && length != count)
			elog(ERROR, "%d restorations and %d of their values", count, length);
		count = length;
	}
	rm_own_rows_open(&rows, "ci_restoration");
	values[RESTORATION_BACK_OUT_ID - 1] = PG_GETARG_DATUM(0);
	for (int n = 0; n < count; n++)
	{
		CHECK_FOR_INTERRUPTS();
		values[RESTORATION_ID - 1] = DirectFunctionCall1(rm_new_id, (Datum) 0);
		for (int i = RESTORATION_CI - 1; i < RESTORATION_NATTS; i++)
		{
			values[i] = columns[i][n];
			nulls[i] = column_nulls[i][n];
		}
		rm_own_rows_add(&rows, values, nulls);
	}
	rm_own_rows_close(&rows);
	PG_RETURN_VOID();
}
