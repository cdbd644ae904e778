/*
 * cases.c
 *		What a statement does to configuration items, until it is judged.
 *
 * The row trigger of bound tables adds a case for each row; all of them are
 * judged together when the statement's row triggers have fired.  For that the
 * first case of a statement has PostgreSQL queue one more event behind the
 * events of its rows: the trigger rm_95_judge of an empty table of the extension,
 * by an INSERT of nothing that leaves its triggers to the query around it, as
 * the queries of foreign keys do.  So it comes for each kind of statement: also
 * COPY, the actions of foreign keys, and what logical replication applies.
 *
 * Cases belong to the nesting level of their statement: a savepoint or an
 * exception block that is rolled back takes its own along.  A statement that a
 * trigger runs within another at the same level may have its cases judged with
 * that one's.  A level that ends with cases that were not judged is an error;
 * nothing commits that way.
 */
#include "postgres.h"

#include "cmdb/cases.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* So many cases wait at most. */
#define MOST_CASES 4096

/* The cases of a nesting level. */
typedef struct Level
{
	struct Level *below;
	int nest_level;
	bool is_due; /* the event that has them judged is queued */
	List *cases;
	MemoryContext context; /* of the cases; NULL where there are none */
} Level;

static Level *top = NULL;

/* Refuse to end a level with cases that were not judged. */
static void
require_judged(void)
{
	if (top != NULL && top->nest_level == GetCurrentTransactionNestLevel() && top->cases != NIL)
		elog(ERROR, "changes of %d configuration items were not judged", list_length(top->cases));
}

/* Transaction callback. */
static void
on_transaction_event(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
		require_judged();
	else if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE || event == XACT_EVENT_ABORT)
		top = NULL;
}

/* Subtransaction callback: the level goes, with its memory. */
static void
on_subtransaction_event(SubXactEvent event, SubTransactionId id, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_PRE_COMMIT_SUB)
		require_judged();
	else if ((event == SUBXACT_EVENT_COMMIT_SUB || event == SUBXACT_EVENT_ABORT_SUB) && top != NULL &&
			 top->nest_level == GetCurrentTransactionNestLevel())
		top = top->below;
}

/* Return the level of the current nesting level. */
static Level *
current_level(void)
{
	static bool is_told = false;
	Level *level;

	if (!is_told)
	{
		RegisterXactCallback(on_transaction_event, NULL);
		RegisterSubXactCallback(on_subtransaction_event, NULL);
		is_told = true;
	}
	if (top != NULL && top->nest_level == GetCurrentTransactionNestLevel())
		return top;
	level = MemoryContextAllocZero(CurTransactionContext, sizeof(Level));
	level->below = top;
	level->nest_level = GetCurrentTransactionNestLevel();
	top = level;
	return level;
}

/* Return a copy of the string, or NULL. */
static char *
copy_string(const char *string)
{
	return string == NULL ? NULL : pstrdup(string);
}

/* Copy a case into the current memory context. */
static RmCase *
copy_case(const RmCase *item)
{
	RmCase *copy = palloc(sizeof(RmCase));
	ListCell *cell;

	*copy = *item;
	copy->class = pstrdup(item->class);
	copy->key = pstrdup(item->key);
	copy->owned_key = copy_string(item->owned_key);
	copy->attempts = NIL;
	foreach (cell, item->attempts)
	{
		RmAttempt *attempt = palloc(sizeof(RmAttempt));

		*attempt = *(RmAttempt *) lfirst(cell);
		attempt->attribute = copy_string(attempt->attribute);
		attempt->old_value = copy_string(attempt->old_value);
		attempt->new_value = copy_string(attempt->new_value);
		copy->attempts = lappend(copy->attempts, attempt);
	}
	return copy;
}

/* Have the event queued that has the cases judged. */
static void
queue_judgement(void)
{
	static SPIPlanPtr plan = NULL;
	RmIdentity saved;

	rm_become_owner(&saved);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (plan == NULL)
		plan = rm_keep_plan("INSERT INTO release_mgmt_internal.ci_judgement SELECT WHERE false", 0, NULL);
	if (SPI_execute_snapshot(plan, NULL, NULL, InvalidSnapshot, InvalidSnapshot, false, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not queue a judgement");
	SPI_finish();
	rm_become_again(&saved);
}

/* Judge the cases of the current nesting level; an error leaves none of them. */
static void
judge_level(RmJudge judge)
{
	Level *level = current_level();
	List *cases = level->cases;
	MemoryContext context = level->context;
	RmIdentity saved;

	level->cases = NIL;
	level->context = NULL;
	if (cases == NIL)
		return;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	rm_become_owner(&saved);
	judge(cases);
	rm_become_again(&saved);
	SPI_finish();
	MemoryContextDelete(context);
}

/* Add a copy of the case to those that are judged when the statement's row triggers have fired. */
void
rm_cases_add(const RmCase *item, RmJudge judge)
{
	Level *level = current_level();
	MemoryContext old;

	if (!level->is_due)
	{
		queue_judgement();
		level->is_due = true;
	}
	if (level->context == NULL)
		level->context = AllocSetContextCreate(CurTransactionContext, "release_mgmt cases", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(level->context);
	level->cases = lappend(level->cases, copy_case(item));
	MemoryContextSwitchTo(old);
	if (list_length(level->cases) >= MOST_CASES)
		judge_level(judge);
}

/* Judge what waits: the event has come. */
void
rm_cases_judge(RmJudge judge)
{
	current_level()->is_due = false;
	judge_level(judge);
}
