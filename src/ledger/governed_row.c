/*
 * governed_row.c
 *		What the ledger writes of the rows of a governed relation.
 *
 * A row's canonical form, of which its digest is; its text key; and the values
 * that it had or has, which history renders.
 */
#include "postgres.h"

#include "ledger/governed.h"
#include "ledger/long_value.h"

/* Append the row in its canonical form. */
void
rm_governed_append_row(RmGoverned *governed, StringInfo row, const Datum *values, const bool *nulls)
{
	appendStringInfoCharMacro(row, RM_ROW_VERSION);
	for (int i = 0; i < governed->ncolumns; i++)
	{
		RmColumn *column = &governed->columns[i];

		if (!nulls[column->attnum - 1])
			rm_canonical_append_row_value(row, column, values[column->attnum - 1]);
	}
}

/* Append a row that was just stored, in its canonical form; the old one is NULL where there was none. */
void
rm_governed_append_new_row(RmGoverned *governed, StringInfo row, const Datum *values, const bool *nulls,
						   const Datum *old_values, const bool *old_nulls)
{
	appendStringInfoCharMacro(row, RM_ROW_VERSION);
	for (int i = 0; i < governed->ncolumns; i++)
	{
		RmColumn *column = &governed->columns[i];
		int att = column->attnum - 1;

		if (nulls[att])
			continue;
		if (old_values && rm_canonical_is_external(column, values[att], false) &&
			rm_canonical_same_value(column, values[att], false, old_values[att], old_nulls[att]))
			rm_canonical_append_kept_value(row, column, values[att]);
		else
			rm_canonical_append_new_value(row, column, values[att]);
	}
}

/* Forget the hashes of long values that the new row does not hold any more; NULL where there is no new row. */
void
rm_governed_forget_values(RmGoverned *governed, const Datum *values, const bool *nulls, const Datum *new_values,
						  const bool *new_nulls)
{
	for (int i = 0; i < governed->ncolumns; i++)
	{
		RmColumn *column = &governed->columns[i];
		int att = column->attnum - 1;

		if (rm_canonical_is_external(column, values[att], nulls[att]) &&
			(new_values == NULL ||
			 !rm_canonical_same_value(column, values[att], nulls[att], new_values[att], new_nulls[att])))
			rm_long_value_forget(values[att]);
	}
}

/* Append the row's text key. */
void
rm_governed_append_key(RmGoverned *governed, StringInfo key, const Datum *values, const bool *nulls)
{
	for (int i = 0; i < governed->nkeys; i++)
	{
		RmColumn *column = &governed->keys[i];

		if (i > 0)
			appendStringInfoCharMacro(key, ':');
		if (!nulls[column->attnum - 1])
			rm_canonical_append_key_value(key, column, values[column->attnum - 1]);
	}
}

/*
 * Append the old values of the columns in which the rows differ; of every
 * column that was not NULL where there is no new row.
 */
void
rm_governed_append_old(RmGoverned *governed, StringInfo old, const Datum *values, const bool *nulls,
					   const Datum *new_values, const bool *new_nulls)
{
	appendStringInfoCharMacro(old, RM_OLD_VERSION);
	for (int i = 0; i < governed->ncolumns; i++)
	{
		RmColumn *column = &governed->columns[i];
		int att = column->attnum - 1;

		if (new_values == NULL
				? nulls[att]
				: rm_canonical_same_value(column, values[att], nulls[att], new_values[att], new_nulls[att]))
			continue;
		rm_canonical_append_old_value(old, column, values[att], nulls[att]);
	}
}

/* Append every column's value, NULLs included, in the form of an old image. */
void
rm_governed_append_image(RmGoverned *governed, StringInfo image, const Datum *values, const bool *nulls)
{
	appendStringInfoCharMacro(image, RM_OLD_VERSION);
	for (int i = 0; i < governed->ncolumns; i++)
	{
		RmColumn *column = &governed->columns[i];

		rm_canonical_append_old_value(image, column, values[column->attnum - 1], nulls[column->attnum - 1]);
	}
}
