/*
 * asked.c
 *		What a check at the point ci_change is asked about many changes at once.
 */
#include "postgres.h"

#include "cmdb/asked.h"

#include "catalog/pg_type.h"
#include "utils/array.h"

/* Read the arrays that begin at that argument. */
void
rm_asked_read(FunctionCallInfo fcinfo, int first, RmAsked *asked)
{
	for (int i = 0; i < RM_ASKED_NCOLUMNS; i++)
	{
		int count;

		deconstruct_array(PG_GETARG_ARRAYTYPE_P(first + i), TEXTOID, -1, false, TYPALIGN_INT, &asked->values[i],
						  &asked->nulls[i], &count);
		if (i > 0 && count != asked->count)
			elog(ERROR, "%d changes and %d of their values", asked->count, count);
		asked->count = count;
	}
}

/* Return the answers as a uuid[]; NULL is no permit. */
Datum
rm_asked_answer(const pg_uuid_t **answers, int count)
{
	Datum *values = palloc0(sizeof(Datum) * Max(count, 1));
	bool *nulls = palloc(sizeof(bool) * Max(count, 1));
	int dims[1] = { count };
	int lower[1] = { 1 };

	for (int n = 0; n < count; n++)
	{
		nulls[n] = answers[n] == NULL;
		if (!nulls[n])
			values[n] = UUIDPGetDatum(answers[n]);
	}
	return PointerGetDatum(construct_md_array(values, nulls, 1, dims, lower, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
}
