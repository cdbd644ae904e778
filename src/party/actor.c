/*
 * actor.c
 *		Who acts: the role in effect outside every SECURITY DEFINER function,
 *		or the person for whom a proxy says that it acts.
 *
 * A verb runs as the extension's owner, so current_user says nothing there;
 * the role that the session took by login or SET ROLE does.  An application
 * whose login is listed as a proxy names the person in release_mgmt.actor.
 *
 * The setting counts in the transaction that set it and in no other, so that
 * a connection pool can not hand it on: a value that is left over from an
 * earlier transaction, or from before this library was loaded, is an error at
 * the first use.  So is a value that anybody but a proxy set.
 *
 * A proxy holds the privileges of all duties.  Two hooks ask besides, for
 * every table, column and function of the extension that it uses, whether the
 * role of the person has the privilege too.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "errcodes.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "ledger/ledger.h"
#include "miscadmin.h"
#include "party/party.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(rm_acting_role);

/* The setting, and the number of the transaction that set it; 0 for none that counts. */
static char *actor_setting = NULL;
static uint64 actor_set_in = 0;
/* Counts the transactions of this backend. */
static uint64 transaction_number = 1;
/* Set while the setting is defined: a value that it takes over is of unknown age. */
static bool defining = false;

/* The role of the person, resolved for this role and this transaction. */
static Oid resolved_for = InvalidOid;
static Oid resolved_role = InvalidOid;

/* The role as which a user's criterion is evaluated, as text and as what it says. */
static char *evaluating_as_setting = NULL;
static Oid evaluating_as = InvalidOid;

static bool checking = false;
static ExecutorCheckPerms_hook_type next_check_perms = NULL;
static object_access_hook_type next_object_access = NULL;

/* Forget what was resolved, and count. */
static void
actor_xact_callback(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PARALLEL_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
		return;
	transaction_number++;
	resolved_role = InvalidOid;
}

/* Remember in which transaction the value was set. */
static bool
check_actor(char **newval, void **extra, GucSource source)
{
	uint64 *set_in = rm_guc_malloc(sizeof(uint64));

	if (set_in == NULL)
		return false;
	*set_in = defining || !IsTransactionState() ? 0 : transaction_number;
	*extra = set_in;
	return true;
}

/* Take the value's transaction over with the value, also where an earlier value comes back. */
static void
assign_actor(const char *newval, void *extra)
{
	actor_set_in = extra == NULL ? 0 : *(uint64 *) extra;
	resolved_role = InvalidOid;
}

/* Take the role over with the setting's value. */
static void
assign_evaluating_as(const char *newval, void *extra)
{
	evaluating_as = newval == NULL ? InvalidOid : atooid(newval);
}

/*
 * Let the role act until the subtransaction ends.
 *
 * A setting, so that parallel workers know of it.  It counts only within a
 * security-restricted operation, which nobody can begin by hand.
 */
void
rm_party_evaluate_as(Oid role)
{
	char value[16];

	snprintf(value, sizeof(value), "%u", role);
	(void) set_config_option("release_mgmt.evaluating_as", value, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true,
							 ERROR, false);
}

/* Is a criterion being evaluated? */
static bool
is_evaluating(void)
{
	return OidIsValid(evaluating_as) && InSecurityRestrictedOperation();
}

/* The role in effect outside every SECURITY DEFINER function, or as which a criterion is evaluated. */
Oid
rm_party_outer_role(void)
{
	return is_evaluating() ? evaluating_as : GetOuterUserId();
}

/* Does the setting name somebody? */
static bool
actor_is_set(void)
{
	return actor_setting != NULL && actor_setting[0] != '\0' && !is_evaluating();
}

/* Return the role of the person that is acted for, InvalidOid where nobody is; refuse where that is not allowed. */
static Oid
actor_role(void)
{
	Oid types[] = { NAMEOID, TEXTOID };
	Oid outer = GetOuterUserId();
	NameData proxy;
	Oid role;

	if (!actor_is_set())
		return InvalidOid;
	if (OidIsValid(resolved_role) && resolved_for == outer)
		return resolved_role;
	/* A worker is handed the leader's setting; the leader has looked. */
	if (actor_set_in != transaction_number && !IsParallelWorker())
		ereport(ERROR,
				(errcode(ERRCODE_RM_DUTY_MISSING), errmsg("release_mgmt.actor was not set in this transaction"),
				 errdetail("It still says \"%s\", set in an earlier transaction, when the session began, or before the "
						   "library was loaded.",
						   actor_setting),
				 errhint("RESET release_mgmt.actor, then use SET LOCAL in each transaction. Preload release_mgmt with "
						 "session_preload_libraries, or call one of its functions once, before the first.")));
	namestrcpy(&proxy, GetUserNameFromId(outer, false));
	role = DatumGetObjectId(OidFunctionCall2(rm_internal_function("role_of_actor", lengthof(types), types),
											 NameGetDatum(&proxy), CStringGetTextDatum(actor_setting)));
	resolved_for = outer;
	resolved_role = role;
	return role;
}

/* acting_role() returns name: the role that acts, or is acted for. */
Datum
rm_acting_role(PG_FUNCTION_ARGS)
{
	Name name = (Name) palloc0(NAMEDATALEN);
	Oid role = actor_role();

	namestrcpy(name, GetUserNameFromId(OidIsValid(role) ? role : rm_party_outer_role(), false));
	PG_RETURN_NAME(name);
}

/* Is the schema one of the extension's? */
static bool
is_ours(Oid schema)
{
	return schema == get_namespace_oid("release_mgmt", true) ||
		   schema == get_namespace_oid("release_mgmt_internal", true);
}

/* Does a proxy use this itself, on behalf of somebody?  Verbs run as the extension's owner. */
static bool
on_behalf(void)
{
	return !checking && actor_is_set() && IsTransactionState() && GetUserId() == GetOuterUserId();
}

/* Those of the entries that ask for privileges on the extension's relations for whoever runs the query. */
static List *
entries_of_ours(List *perminfos)
{
	List *ours = NIL;
	ListCell *cell;

	foreach (cell, perminfos)
	{
		RmPermInfo *info = (RmPermInfo *) lfirst(cell);

		if (OidIsValid(info->relid) && info->requiredPerms != 0 && !OidIsValid(info->checkAsUser) &&
			is_ours(get_rel_namespace(info->relid)))
			ours = lappend(ours, info);
	}
	return ours;
}

/* Hold the entries against the privileges of the role. */
static bool
check_as(Oid role, List *rangeTable, List *perminfos, bool report)
{
	volatile bool allowed = false;
	Oid user;
	int context;

	GetUserIdAndSecContext(&user, &context);
	checking = true;
	PG_TRY();
	{
		SetUserIdAndSecContext(role, context);
		allowed = rm_check_permissions(rangeTable, perminfos, report);
	}
	PG_FINALLY();
	{
		SetUserIdAndSecContext(user, context);
		checking = false;
	}
	PG_END_TRY();
	return allowed;
}

/* What is asked of the extension's relations, the person's role must hold too. */
static bool
check_relations(List *rangeTable, List *perminfos, bool report)
{
	List *ours;

	if (!on_behalf())
		return true;
	ours = entries_of_ours(perminfos);
	return ours == NIL || check_as(actor_role(), rangeTable, ours, report);
}

RM_DEFINE_CHECK_PERMS(actor_check_perms, next_check_perms, check_relations)

/* What is called of the extension's functions, the person's role must be allowed to execute too. */
static void
actor_object_access(ObjectAccessType access, Oid classId, Oid objectId, int subId, void *arg)
{
	AclResult result;

	if (next_object_access != NULL)
		next_object_access(access, classId, objectId, subId, arg);
	if (access != OAT_FUNCTION_EXECUTE || classId != ProcedureRelationId || !on_behalf() ||
		!is_ours(get_func_namespace(objectId)))
		return;
	result = rm_function_aclcheck(objectId, actor_role(), ACL_EXECUTE);
	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_FUNCTION, get_func_name(objectId));
}

/* Define the setting and take the hooks. */
void
rm_party_init(void)
{
	defining = true;
	DefineCustomStringVariable("release_mgmt.actor", "Code of the person for whom a proxy acts.",
							   "Only a role listed with add_proxy() may set it, with SET LOCAL, in each transaction.",
							   &actor_setting, "", PGC_USERSET, 0, check_actor, assign_actor, NULL);
	defining = false;
	DefineCustomStringVariable("release_mgmt.evaluating_as", "The role as which a user's criterion is being evaluated.",
							   "Set by the extension; counts only while it evaluates.", &evaluating_as_setting, "",
							   PGC_SUSET, GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE, NULL,
							   assign_evaluating_as, NULL);

	RegisterXactCallback(actor_xact_callback, NULL);
	rm_ledger_actor_hook = actor_role;
	next_check_perms = ExecutorCheckPerms_hook;
	ExecutorCheckPerms_hook = actor_check_perms;
	next_object_access = object_access_hook;
	object_access_hook = actor_object_access;
}
