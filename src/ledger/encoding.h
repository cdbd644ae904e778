/*
 * encoding.h
 *		Text between the database's encoding and UTF-8, in which everything is hashed and signed.
 *
 * In a database of encoding SQL_ASCII bytes stand for themselves.
 *
 * The signature lines of a note begin with U+2014 (EM DASH).  Where the
 * database's encoding has no such character, they begin with \2014 in text, as
 * unistr() writes it; no other line of what is signed does.
 */
#ifndef RM_LEDGER_ENCODING_H
#define RM_LEDGER_ENCODING_H

#include "postgres.h"

extern char *rm_to_utf8(const char *string, int len);
extern char *rm_from_utf8(const char *utf8, int len);
extern char *rm_note_to_utf8(const char *note);
extern char *rm_note_from_utf8(const char *utf8);

#endif /* RM_LEDGER_ENCODING_H */
