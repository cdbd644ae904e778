/*
 * vers.c
 *		vers(text): a version range specifier as a pkgver_multirange.
 */
#include "postgres.h"

#include "compat.h"
#include "types/range_set.h"
#include "types/report.h"
#include "types/vers_parse.h"

#define VERS_HINT "A version range is written as in vers:npm/1.2.3|>=2.0.0|<5.0.0, sorted by version."

PG_FUNCTION_INFO_V1(rm_vers);

/* What has been read of the constraints. */
typedef struct VersReader
{
	RmRangeSet inside;
	RmRangeSet outside;
	bool has_comparator; /* one other than != was read, the last of them: */
	RmComparator comparator;
	RmPkgver *last;   /* the version before, to hold the order against */
	RmRangeEnd lower; /* of the range that > or >= has opened */
} VersReader;

/* Take one constraint in. */
static void
take_constraint(VersReader *reader, RmScheme scheme, RmComparator comparator, RmPkgver *version)
{
	bool inclusive = comparator == RM_COMPARE_GE || comparator == RM_COMPARE_LE || comparator == RM_COMPARE_EQ;
	RmRangeEnd end = { version, inclusive };

	switch (comparator)
	{
		case RM_COMPARE_NE:
			end.inclusive = true;
			rm_range_set_add(&reader->outside, end, end);
			return;
		case RM_COMPARE_EQ:
			rm_range_set_add(&reader->inside, end, end);
			break;
		case RM_COMPARE_GE:
		case RM_COMPARE_GT:
			reader->lower = end;
			break;
		case RM_COMPARE_LT:
		case RM_COMPARE_LE:
			if (!reader->has_comparator)
				reader->lower = rm_range_set_least(scheme);
			rm_range_set_add(&reader->inside, reader->lower, end);
			break;
	}
	reader->has_comparator = true;
	reader->comparator = comparator;
}

/* Close what is open at the end; nothing but != means everything else. */
static void
take_end(VersReader *reader, RmScheme scheme)
{
	if (!reader->has_comparator)
		rm_range_set_add(&reader->inside, rm_range_set_least(scheme), rm_range_set_greatest(scheme));
	else if (reader->comparator == RM_COMPARE_GE || reader->comparator == RM_COMPARE_GT)
		rm_range_set_add(&reader->inside, reader->lower, rm_range_set_greatest(scheme));
}

/* Read one constraint; false with the complaint where it is wrong. */
static bool
read_constraint(RmVers *vers, VersReader *reader, RmParseError *error)
{
	RmVersConstraint constraint;
	RmVersion version;
	RmPkgver *pkgver;

	if (!rm_vers_next_constraint(vers, &constraint, error))
		return false;
	if (!rm_version_parse(vers->scheme, constraint.version, constraint.len, &version, error))
	{
		error->position = constraint.position;
		return false;
	}
	pkgver = rm_pkgver_make(&version, constraint.version, constraint.len);
	if (reader->last != NULL && rm_pkgver_compare(reader->last, pkgver) >= 0)
	{
		*error =
			(RmParseError) { constraint.position, "Constraints are sorted by version, and each version stands once." };
		return false;
	}
	if (constraint.comparator != RM_COMPARE_NE &&
		!rm_vers_may_follow(reader->has_comparator, reader->comparator, constraint.comparator))
	{
		*error = (RmParseError) { constraint.position,
								  "After > or >= comes < or <=; these two come after > or >=, or first." };
		return false;
	}
	take_constraint(reader, vers->scheme, constraint.comparator, pkgver);
	reader->last = pkgver;
	return true;
}

/* vers(text) returns pkgver_multirange. */
Datum
rm_vers(PG_FUNCTION_ARGS)
{
	text *input = PG_GETARG_TEXT_PP(0);
	VersReader reader = { 0 };
	RmVers vers;
	RmParseError error;
	bool valid = rm_vers_begin(VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input), &vers, &error);

	rm_range_set_begin(&reader.inside, fcinfo);
	rm_range_set_begin(&reader.outside, fcinfo);
	while (valid && rm_vers_has_constraint(&vers))
		valid = read_constraint(&vers, &reader, &error);
	if (!valid)
		return rm_report_parse_error(NULL, "vers", VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input), &error, VERS_HINT);

	take_end(&reader, vers.scheme);
	PG_RETURN_MULTIRANGE_P(rm_range_set_subtract(&reader.inside, &reader.outside));
}
