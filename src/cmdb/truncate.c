/*
 * truncate.c
 *		TRUNCATE of bound tables: recorded row by row.
 */
#include "postgres.h"

#include "cmdb/cmdb.h"

#include "cmdb/binding.h"
#include "cmdb/source.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "ledger/ledger.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/*
 * Record that every row of the table goes; return whether it may.
 *
 * The ledger asks before the rows are gone, with the table locked.
 */
static bool
record_truncation(Relation relation)
{
	Oid types[] = { REGCLASSOID };
	Datum args[] = { ObjectIdGetDatum(RelationGetRelid(relation)) };
	char *class;
	RmIdentity saved;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	rm_become_owner(&saved);
	if (SPI_execute_with_args("SELECT release_mgmt_internal.record_truncation($1)", lengthof(types), types, args, NULL,
							  false, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not record a truncation");
	class = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	rm_become_again(&saved);
	if (class != NULL)
	{
		rm_source_note(class);
		rm_source_note(quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
												  RelationGetRelationName(relation)));
	}
	SPI_finish();
	return class != NULL;
}

/* Have the ledger ask. */
void
rm_cmdb_init(void)
{
	rm_ledger_truncate_hook = record_truncation;
}
