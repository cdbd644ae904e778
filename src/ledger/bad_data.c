/*
 * bad_data.c
 *		Work that may meet data which a type does not take.
 */
#include "postgres.h"

#include "ledger/bad_data.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

/*
 * Do the work; false where it ends in a data exception, any other error is the
 * caller's.
 *
 * In a subtransaction, since not every type reports bad input softly; what the
 * work leaves is in the caller's memory context.  None can begin in parallel
 * mode.
 */
bool
rm_data_is_good(RmWork work, void *argument)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool is_good = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		work(argument);
		is_good = true;
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		if (ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_DATA_EXCEPTION)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return is_good;
}
