/*
 * parse.h
 *		What a parser of this module says about text that it refuses.
 *
 * Parsers are pure C and never raise; the input functions report.
 */
#ifndef RM_TYPES_PARSE_H
#define RM_TYPES_PARSE_H

#include <stddef.h>

/* message is static text: a sentence that says what was expected. */
typedef struct RmParseError
{
	size_t position; /* bytes before the offending one */
	const char *message;
} RmParseError;

#endif /* RM_TYPES_PARSE_H */
