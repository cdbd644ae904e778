/*
 * report.h
 *		Turn a parser's complaint into an error.
 */
#ifndef RM_TYPES_REPORT_H
#define RM_TYPES_REPORT_H

#include "postgres.h"

#include "nodes/nodes.h"
#include "types/parse.h"

extern char *rm_report_clip(const char *text, size_t len);
extern Datum rm_report_parse_error(Node *escontext, const char *type, const char *text, size_t len,
								   const RmParseError *error, const char *hint);

#endif /* RM_TYPES_REPORT_H */
