/*
 * canonical.h
 *		The bytes that stand for a column's value in row digests and old images.
 *
 * A value is a tag and bytes.  For the types listed in canonical.c the bytes
 * are those of the type's binary wire form, which is the same in every
 * version; for every other type they are its output text under the settings
 * that pg_dump uses.  Strings are in UTF-8.  A domain is its base type.
 *
 *		value   = tag(1) length(4, big-endian) bytes
 *		pair    = key length(2, big-endian) column key value
 *		row     = 0x01 pair*		in order of the column keys' bytes, NULLs left out
 *		old     = 0x02 pair*		likewise; a NULL is tag 'N', length 0
 *
 * In a row, a value of more than 1024 bytes stands as tag 'H' and
 * SHA256(tag || bytes).
 */
#ifndef RM_LEDGER_CANONICAL_H
#define RM_LEDGER_CANONICAL_H

#include "postgres.h"

#include "access/attnum.h"
#include "fmgr.h"
#include "lib/stringinfo.h"

#define RM_ROW_VERSION 0x01
#define RM_OLD_VERSION 0x02
#define RM_TAG_NULL 'N'
#define RM_TAG_HASHED 'H'
#define RM_TAG_OUTPUT 'O'
#define RM_LONGEST_PLAIN_VALUE 1024

/* One column of a governed table, as it is in one relation. */
typedef struct RmColumn
{
	AttrNumber attnum;
	int16 typlen;
	bool typbyval;
	char tag;
	bool is_char;    /* of type "char" */
	char *pair_head; /* length and bytes of the column key, as they begin a pair */
	int pair_head_len;
	FmgrInfo output;
	bool output_sensitive; /* its output follows settings */
} RmColumn;

/* Reads the pairs of an old image one after the other. */
typedef struct RmOldReader
{
	const char *next;
	const char *end;
} RmOldReader;

/* A pair; the pointers point into the image. */
typedef struct RmOldPair
{
	const char *key;
	int key_len;
	char tag;
	const char *value;
	int value_len;
} RmOldPair;

extern void rm_column_init(RmColumn *column, AttrNumber attnum, Oid type, const char *key, MemoryContext context);
extern void rm_canonical_append_row_value(StringInfo row, RmColumn *column, Datum value);
extern void rm_canonical_append_kept_value(StringInfo row, RmColumn *column, Datum value);
extern void rm_canonical_append_new_value(StringInfo row, RmColumn *column, Datum value);
extern bool rm_canonical_is_external(const RmColumn *column, Datum value, bool isnull);
extern void rm_canonical_append_old_value(StringInfo old, RmColumn *column, Datum value, bool isnull);
extern void rm_canonical_append_key_value(StringInfo key, RmColumn *column, Datum value);
extern bool rm_canonical_same_value(RmColumn *column, Datum a, bool a_isnull, Datum b, bool b_isnull);
extern void rm_old_reader_init(RmOldReader *reader, const char *old, int len);
extern bool rm_old_read(RmOldReader *reader, RmOldPair *pair);
extern char *rm_canonical_value_text(char tag, const char *bytes, int len);

#endif /* RM_LEDGER_CANONICAL_H */
