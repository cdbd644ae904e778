/*
 * actor.c
 *		Who acts: the role in effect outside every SECURITY DEFINER function.
 *
 * A verb runs as the extension's owner, so current_user says nothing there;
 * the role that the session took by login or SET ROLE does.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(rm_acting_role);

/* acting_role() returns name: the role in effect outside SECURITY DEFINER. */
Datum
rm_acting_role(PG_FUNCTION_ARGS)
{
	Name role = (Name) palloc0(NAMEDATALEN);

	namestrcpy(role, GetUserNameFromId(GetOuterUserId(), false));
	PG_RETURN_NAME(role);
}
