/*
 * parse.h
 *		What a parser of this module says about text that it refuses.
 *
 * Parsers are pure C and never raise; the input functions report.
 */
#ifndef RM_TYPES_PARSE_H
#define RM_TYPES_PARSE_H

#include <stddef.h>
#include <stdint.h>

/* The position of what is wrong with the whole. */
#define RM_NO_POSITION SIZE_MAX

/* message is static text: a sentence that says what was expected. */
typedef struct RmParseError
{
	size_t position; /* bytes before the offending one, or RM_NO_POSITION */
	const char *message;
} RmParseError;

#endif /* RM_TYPES_PARSE_H */
