/*
 * pkgreq.c
 *		The type pkgreq: a requirement on versions as manifests write it.
 *
 * A value is a varlena: one byte RmSyntax, then the requirement as written.
 */
#include "postgres.h"

#include "compat.h"
#include "libpq/pqformat.h"
#include "types/pkgreq.h"
#include "types/report.h"
#include "utils/builtins.h"

/* What send writes before the text; recv refuses any other. */
#define SEND_VERSION 1

PG_FUNCTION_INFO_V1(rm_pkgreq_in);
PG_FUNCTION_INFO_V1(rm_pkgreq_out);
PG_FUNCTION_INFO_V1(rm_pkgreq_recv);
PG_FUNCTION_INFO_V1(rm_pkgreq_send);
PG_FUNCTION_INFO_V1(rm_pkgreq_from_text);
PG_FUNCTION_INFO_V1(rm_pkgreq_get_scheme);
PG_FUNCTION_INFO_V1(rm_pkgreq_get_requirement);
PG_FUNCTION_INFO_V1(rm_pkgreq_versions);
PG_FUNCTION_INFO_V1(rm_satisfies);
PG_FUNCTION_INFO_V1(rm_is_satisfied_by);

#define SYNTAX_HINT "Syntaxes are npm, cargo, deb, rpm, pep440 (pypi), maven, nuget and generic, as in npm/^1.2.3."

/* Build a value from text that is valid. */
static RmPkgreq *
make_pkgreq(RmSyntax syntax, const char *text, size_t len)
{
	RmPkgreq *result = palloc(VARHDRSZ + 1 + len);

	SET_VARSIZE(result, VARHDRSZ + 1 + len);
	VARDATA(result)[0] = syntax;
	memcpy(VARDATA(result) + 1, text, len);
	return result;
}

/* Parse a detoasted value. */
void
rm_pkgreq_parse(const RmPkgreq *pkgreq, RmRequirement *requirement)
{
	RmParseError error;

	if (!rm_require_parse((RmSyntax) VARDATA_ANY(pkgreq)[0], VARDATA_ANY(pkgreq) + 1, VARSIZE_ANY_EXHDR(pkgreq) - 1,
						  requirement, &error))
		elog(ERROR, "stored requirement can not be parsed");
}

/* Read "syntax/requirement"; the soft error, if any, is in escontext. */
static Datum
input_pkgreq(Node *escontext, const char *input, size_t len)
{
	const char *slash = memchr(input, '/', len);
	RmSyntax syntax = slash == NULL ? RM_SYNTAX_INVALID : rm_syntax_find(input, slash - input);
	RmParseError error = { 0, "A syntax and a slash are expected." };
	RmRequirement requirement;

	if (syntax == RM_SYNTAX_INVALID)
		return rm_report_parse_error(escontext, "pkgreq", input, len, &error, SYNTAX_HINT);
	if (!rm_require_parse(syntax, slash + 1, len - (slash + 1 - input), &requirement, &error))
	{
		if (error.position != RM_NO_POSITION)
			error.position += slash + 1 - input;
		return rm_report_parse_error(escontext, "pkgreq", input, len, &error, SYNTAX_HINT);
	}
	return PointerGetDatum(make_pkgreq(syntax, slash + 1, len - (slash + 1 - input)));
}

/* pkgreq_in(cstring) returns pkgreq. */
Datum
rm_pkgreq_in(PG_FUNCTION_ARGS)
{
	char *input = PG_GETARG_CSTRING(0);

	return input_pkgreq(fcinfo->context, input, strlen(input));
}

/* Return "syntax/requirement". */
static char *
output_pkgreq(const RmPkgreq *pkgreq)
{
	return psprintf("%s/%.*s", rm_syntax_name((RmSyntax) VARDATA_ANY(pkgreq)[0]), (int) VARSIZE_ANY_EXHDR(pkgreq) - 1,
					VARDATA_ANY(pkgreq) + 1);
}

/* pkgreq_out(pkgreq) returns cstring. */
Datum
rm_pkgreq_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(output_pkgreq(PG_GETARG_PKGREQ_PP(0)));
}

/* pkgreq_recv(internal) returns pkgreq: a version byte, then the text form. */
Datum
rm_pkgreq_recv(PG_FUNCTION_ARGS)
{
	StringInfo message = (StringInfo) PG_GETARG_POINTER(0);
	int format = pq_getmsgbyte(message);
	char *input;
	int len;

	if (format != SEND_VERSION)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("invalid version number %d in external value of type pkgreq", format)));
	input = pq_getmsgtext(message, message->len - message->cursor, &len);
	return input_pkgreq(NULL, input, len);
}

/* pkgreq_send(pkgreq) returns bytea: see pkgreq_recv. */
Datum
rm_pkgreq_send(PG_FUNCTION_ARGS)
{
	char *output = output_pkgreq(PG_GETARG_PKGREQ_PP(0));
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	pq_sendbyte(&buffer, SEND_VERSION);
	pq_sendtext(&buffer, output, strlen(output));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* pkgreq(syntax text, requirement text) returns pkgreq. */
Datum
rm_pkgreq_from_text(PG_FUNCTION_ARGS)
{
	text *name = PG_GETARG_TEXT_PP(0);
	text *input = PG_GETARG_TEXT_PP(1);
	RmSyntax syntax = rm_syntax_find(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	RmRequirement requirement;
	RmParseError error;

	if (syntax == RM_SYNTAX_INVALID)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("requirements in syntax \"%s\" can not be read",
							   rm_report_clip(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name))),
						errhint(SYNTAX_HINT)));
	if (!rm_require_parse(syntax, VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input), &requirement, &error))
		return rm_report_parse_error(NULL, "pkgreq", VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input), &error, SYNTAX_HINT);
	PG_RETURN_PKGREQ(make_pkgreq(syntax, VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input)));
}

/* pkgreq_scheme(pkgreq) returns text. */
Datum
rm_pkgreq_get_scheme(PG_FUNCTION_ARGS)
{
	RmSyntax syntax = (RmSyntax) VARDATA_ANY(PG_GETARG_PKGREQ_PP(0))[0];

	PG_RETURN_TEXT_P(cstring_to_text(rm_scheme_name(rm_syntax_scheme(syntax))));
}

/* pkgreq_requirement(pkgreq) returns text. */
Datum
rm_pkgreq_get_requirement(PG_FUNCTION_ARGS)
{
	RmPkgreq *pkgreq = PG_GETARG_PKGREQ_PP(0);

	PG_RETURN_TEXT_P(cstring_to_text_with_len(VARDATA_ANY(pkgreq) + 1, VARSIZE_ANY_EXHDR(pkgreq) - 1));
}

/* Return a bound as an end of a range; where there is none, the scheme's own. */
RmRangeEnd
rm_pkgreq_make_end(const RmRequireBound *bound, RmRangeEnd otherwise)
{
	RmVersion version;
	RmParseError error;

	if (bound->text == NULL)
		return otherwise;
	if (!rm_version_parse_bound((RmScheme) bound->key[0], bound->text, bound->text_len, &version, &error))
		elog(ERROR, "bound of a requirement can not be parsed");
	return (RmRangeEnd) { rm_pkgver_make(&version, bound->text, bound->text_len), bound->inclusive };
}

/* Return the versions of a clause's interval, with its points. */
static MultirangeType *
make_clause_versions(FunctionCallInfo fcinfo, RmScheme scheme, const RmRequireClause *clause)
{
	RmRangeEnd least = rm_range_set_least(scheme);
	RmRangeEnd greatest = rm_range_set_greatest(scheme);
	RmRangeSet inside;

	rm_range_set_begin(&inside, fcinfo);
	rm_range_set_add(&inside, rm_pkgreq_make_end(&clause->lower, least), rm_pkgreq_make_end(&clause->upper, greatest));
	if (clause->also.text != NULL)
		rm_range_set_add(&inside, rm_pkgreq_make_end(&clause->also, least), rm_pkgreq_make_end(&clause->also, least));
	return rm_range_set_unite(&inside);
}

/* Narrow the set to what the clauses of an alternative admit. */
static void
narrow_to_alternative(FunctionCallInfo fcinfo, const RmRequirement *requirement, int alternative, RmRangeSet *set)
{
	for (int i = 0; i < requirement->count; i++)
	{
		const RmRequireClause *clause = &requirement->clauses[i];

		if (clause->alternative == alternative && !clause->prereleases_only)
			rm_range_set_narrow(set, make_clause_versions(fcinfo, requirement->scheme, clause), clause->negated);
	}
}

/*
 * pkgreq_versions(pkgreq) returns pkgver_multirange.
 *
 * Every version that satisfies the requirement lies within; those rules on
 * pre-releases and kin that are no intervals are left to satisfies().
 */
Datum
rm_pkgreq_versions(PG_FUNCTION_ARGS)
{
	RmRequirement requirement;
	RmRangeSet all;

	rm_pkgreq_parse(PG_GETARG_PKGREQ_PP(0), &requirement);
	rm_range_set_begin(&all, fcinfo);
	for (int alternative = 0; alternative < requirement.alternatives; alternative++)
	{
		RmRangeSet set;

		rm_range_set_begin(&set, fcinfo);
		rm_range_set_add(&set, rm_range_set_least(requirement.scheme), rm_range_set_greatest(requirement.scheme));
		narrow_to_alternative(fcinfo, &requirement, alternative, &set);
		rm_range_set_add_set(&all, &set);
	}
	PG_RETURN_MULTIRANGE_P(rm_range_set_unite(&all));
}

/* A parsed requirement, kept between calls. */
typedef struct SatisfiesCache
{
	RmPkgreq *pkgreq;
	RmRequirement requirement;
} SatisfiesCache;

/* Return the parsed requirement, from the last call where it is the same. */
static const RmRequirement *
get_requirement(FunctionCallInfo fcinfo, const RmPkgreq *pkgreq)
{
	SatisfiesCache *cache = fcinfo->flinfo->fn_extra;
	size_t size = VARSIZE_ANY_EXHDR(pkgreq);

	if (cache == NULL)
	{
		cache = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(SatisfiesCache));
		cache->pkgreq = NULL;
		fcinfo->flinfo->fn_extra = cache;
	}
	if (cache->pkgreq == NULL || VARSIZE_ANY_EXHDR(cache->pkgreq) != size ||
		memcmp(VARDATA_ANY(cache->pkgreq), VARDATA_ANY(pkgreq), size) != 0)
	{
		if (cache->pkgreq != NULL)
			pfree(cache->pkgreq);
		cache->pkgreq = NULL;
		rm_pkgreq_parse(pkgreq, &cache->requirement);
		cache->pkgreq = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, VARSIZE_ANY(pkgreq));
		memcpy(cache->pkgreq, pkgreq, VARSIZE_ANY(pkgreq));
	}
	return &cache->requirement;
}

/* Tell whether a version satisfies a requirement. */
static bool
check_satisfied(FunctionCallInfo fcinfo, const RmPkgver *pkgver, const RmPkgreq *pkgreq)
{
	RmPkgverView view = rm_pkgver_view(pkgver);

	return rm_require_satisfied(get_requirement(fcinfo, pkgreq), view.text, view.text_len, view.key, view.key_len);
}

/* Tell the same, for C code: the requirement is parsed each time. */
bool
rm_pkgreq_satisfied(const RmPkgreq *pkgreq, const RmPkgver *pkgver)
{
	RmPkgverView view = rm_pkgver_view(pkgver);
	RmRequirement requirement;

	rm_pkgreq_parse(pkgreq, &requirement);
	return rm_require_satisfied(&requirement, view.text, view.text_len, view.key, view.key_len);
}

/* satisfies(pkgver, pkgreq) returns boolean. */
Datum
rm_satisfies(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(check_satisfied(fcinfo, PG_GETARG_PKGVER_PP(0), PG_GETARG_PKGREQ_PP(1)));
}

/* is_satisfied_by(pkgreq, pkgver) returns boolean: the commutator. */
Datum
rm_is_satisfied_by(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(check_satisfied(fcinfo, PG_GETARG_PKGVER_PP(1), PG_GETARG_PKGREQ_PP(0)));
}
