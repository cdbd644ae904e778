/*
 * canonical.c
 *		The bytes that stand for a column's value; canonical.h defines them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "compat.h"
#include "ledger/canonical.h"
#include "ledger/encoding.h"
#include "ledger/long_value.h"
#include "ledger/settings.h"
#include "port/pg_bswap.h"
#include "types/digest.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/uuid.h"

/* Return the tag of the type's values. */
static char
tag_of_type(Oid type)
{
	switch (type)
	{
		case BOOLOID:
			return 'B';
		case INT2OID:
			return '2';
		case INT4OID:
			return '4';
		case INT8OID:
			return '8';
		case FLOAT4OID:
			return 'f';
		case FLOAT8OID:
			return 'F';
		case UUIDOID:
			return 'U';
		case DATEOID:
			return 'D';
		case TIMEOID:
			return 'M';
		case TIMESTAMPOID:
			return 'T';
		case TIMESTAMPTZOID:
			return 'Z';
		case BYTEAOID:
			return 'X';
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return 'S';
		default:
			return RM_TAG_OUTPUT;
	}
}

/* Fill in what capturing the column needs; allocations live in the context. */
void
rm_column_init(RmColumn *column, AttrNumber attnum, Oid type, const char *key, MemoryContext context)
{
	char *utf8 = rm_to_utf8(key, strlen(key));
	int len = strlen(utf8);
	Oid base = getBaseType(type);
	Oid output;
	bool is_varlena;

	column->attnum = attnum;
	column->tag = tag_of_type(base);
	column->is_char = base == CHAROID;
	get_typlenbyval(base, &column->typlen, &column->typbyval);
	getTypeOutputInfo(base, &output, &is_varlena);
	fmgr_info_cxt(output, &column->output, context);
	column->output_sensitive = rm_type_output_follows_settings(base);

	column->pair_head_len = len + 2;
	column->pair_head = MemoryContextAlloc(context, len + 2);
	column->pair_head[0] = len >> 8;
	column->pair_head[1] = len;
	memcpy(column->pair_head + 2, utf8, len);
}

/*
 * Return the text of a value of a type without a binary form of its own.
 *
 * A "char" outside ASCII is written \ooo, as PostgreSQL does since 16; before,
 * its byte stood as it is, which is no text in most encodings.
 */
static char *
output_text(RmColumn *column, Datum value)
{
	unsigned char byte = column->is_char ? (unsigned char) DatumGetChar(value) : 0;

	if (byte > 0x7F)
		return psprintf("\\%03o", byte);
	return OutputFunctionCall(&column->output, value);
}

/* Characters of the longest integer. */
#define INTEGER_SIZE 20

/* Bytes that a tag and a length take. */
#define VALUE_HEAD 5

/* Append a tag, a length and bytes. */
static inline void
append_value(StringInfo buf, char tag, const void *bytes, uint32 len)
{
	uint32 wire_len = pg_hton32(len);
	char *to;

	enlargeStringInfo(buf, VALUE_HEAD + len);
	to = buf->data + buf->len;
	*to = tag;
	memcpy(to + 1, &wire_len, sizeof(wire_len));
	memcpy(to + VALUE_HEAD, bytes, len);
	buf->len += VALUE_HEAD + len;
	buf->data[buf->len] = '\0';
}

/* Append a string of the server's encoding as a value; a long one by its hash if so asked. */
static void
append_bytes(StringInfo buf, char tag, const char *bytes, Size len, bool hash_long)
{
	if (hash_long && len > RM_LONGEST_PLAIN_VALUE)
	{
		RmHashPiece pieces[2] = { { &tag, 1 }, { bytes, len } };
		unsigned char hash[RM_SHA256_SIZE];

		rm_require_hash(rm_hash_pieces(RM_HASH_SHA256, pieces, 2, hash));
		append_value(buf, RM_TAG_HASHED, hash, sizeof(hash));
	}
	else
		append_value(buf, tag, bytes, len);
}

/* Append a string of the server's encoding, in UTF-8. */
static void
append_string(StringInfo buf, char tag, const char *string, Size len, bool hash_long)
{
	char *utf8 = rm_to_utf8(string, len);

	append_bytes(buf, tag, utf8, utf8 == string ? len : strlen(utf8), hash_long);
	if (utf8 != string)
		pfree(utf8);
}

/* Append the value in the form of its tag. */
static void
append_tagged(StringInfo buf, RmColumn *column, Datum value, bool hash_long)
{
	uint16 two;
	uint32 four;
	uint64 eight;

	switch (column->tag)
	{
		case 'B':
			append_value(buf, column->tag, DatumGetBool(value) ? "\1" : "\0", 1);
			break;
		case '2':
			two = pg_hton16((uint16) DatumGetInt16(value));
			append_value(buf, column->tag, &two, sizeof(two));
			break;
		case '4':
		case 'D':
		case 'f':
			four = pg_hton32((uint32) DatumGetInt32(value));
			append_value(buf, column->tag, &four, sizeof(four));
			break;
		case '8':
		case 'F':
		case 'M':
		case 'T':
		case 'Z':
			eight = pg_hton64((uint64) DatumGetInt64(value));
			append_value(buf, column->tag, &eight, sizeof(eight));
			break;
		case 'U':
			append_value(buf, column->tag, DatumGetUUIDP(value), UUID_LEN);
			break;
		case 'X':
		case 'S':
		{
			struct varlena *string = PG_DETOAST_DATUM_PACKED(value);

			if (column->tag == 'S')
				append_string(buf, 'S', VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string), hash_long);
			else
				append_bytes(buf, 'X', VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string), hash_long);
			if ((Pointer) string != DatumGetPointer(value))
				pfree(string);
			break;
		}
		default:
		{
			char *text = output_text(column, value);

			append_string(buf, RM_TAG_OUTPUT, text, strlen(text), hash_long);
			pfree(text);
		}
	}
}

/* Append the pair of a value that is not NULL to a row. */
void
rm_canonical_append_row_value(StringInfo row, RmColumn *column, Datum value)
{
	appendBinaryStringInfo(row, column->pair_head, column->pair_head_len);
	append_tagged(row, column, value, true);
}

/* Return whether the value stands out of line. */
bool
rm_canonical_is_external(const RmColumn *column, Datum value, bool isnull)
{
	return !isnull && column->typlen == -1 && VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(value));
}

/*
 * Append the pair of a value that an UPDATE left as it was.
 *
 * One out of line is not read where its hash is known.
 */
void
rm_canonical_append_kept_value(StringInfo row, RmColumn *column, Datum value)
{
	unsigned char hash[RM_SHA256_SIZE];

	if (rm_canonical_is_external(column, value, false) && rm_long_value_find(value, hash))
	{
		appendBinaryStringInfo(row, column->pair_head, column->pair_head_len);
		append_value(row, RM_TAG_HASHED, hash, sizeof(hash));
	}
	else
		rm_canonical_append_new_value(row, column, value);
}

/* Append the pair of a value that was just stored; the hash of a long one out of line is kept. */
void
rm_canonical_append_new_value(StringInfo row, RmColumn *column, Datum value)
{
	int start = row->len + column->pair_head_len;

	rm_canonical_append_row_value(row, column, value);
	if (rm_canonical_is_external(column, value, false) && row->data[start] == RM_TAG_HASHED)
		rm_long_value_remember(value, (unsigned char *) row->data + row->len - RM_SHA256_SIZE);
}

/* Append the pair of a value to an old image. */
void
rm_canonical_append_old_value(StringInfo old, RmColumn *column, Datum value, bool isnull)
{
	appendBinaryStringInfo(old, column->pair_head, column->pair_head_len);
	if (isnull)
		append_value(old, RM_TAG_NULL, "", 0);
	else
		append_tagged(old, column, value, false);
}

/* Append bytes of UTF-8 to a key; ':' and '\\' in them are escaped with '\\'. */
static void
append_escaped(StringInfo key, const char *bytes, int len)
{
	for (int i = 0; i < len; i++)
	{
		if (bytes[i] == ':' || bytes[i] == '\\')
			appendStringInfoCharMacro(key, '\\');
		appendStringInfoCharMacro(key, bytes[i]);
	}
}

/* Append text of the server's encoding to a key. */
static void
append_key_text(StringInfo key, const char *text, int len)
{
	char *utf8 = rm_to_utf8(text, len);

	append_escaped(key, utf8, utf8 == text ? len : strlen(utf8));
	if (utf8 != text)
		pfree(utf8);
}

/* Append a key column's output text, which for integers and strings needs no call of the output function. */
void
rm_canonical_append_key_value(StringInfo key, RmColumn *column, Datum value)
{
	char digits[INTEGER_SIZE + 1];
	char *text;

	switch (column->tag)
	{
		case '2':
			appendBinaryStringInfo(key, digits, pg_itoa(DatumGetInt16(value), digits));
			break;
		case '4':
			appendBinaryStringInfo(key, digits, pg_ltoa(DatumGetInt32(value), digits));
			break;
		case '8':
			appendBinaryStringInfo(key, digits, pg_lltoa(DatumGetInt64(value), digits));
			break;
		case 'S':
		{
			struct varlena *string = PG_DETOAST_DATUM_PACKED(value);

			append_key_text(key, VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string));
			if ((Pointer) string != DatumGetPointer(value))
				pfree(string);
			break;
		}
		default:
			text = output_text(column, value);
			append_key_text(key, text, strlen(text));
			pfree(text);
	}
}

/*
 * Return whether two values of the column are the same, byte for byte.
 *
 * A value that an UPDATE left in its TOAST table has the same pointer as
 * before and is not read.
 */
bool
rm_canonical_same_value(RmColumn *column, Datum a, bool a_isnull, Datum b, bool b_isnull)
{
	if (a_isnull || b_isnull)
		return a_isnull && b_isnull;
	if (column->typlen == -1 && VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(a)) &&
		VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(b)))
		return memcmp(DatumGetPointer(a), DatumGetPointer(b), VARSIZE_EXTERNAL(DatumGetPointer(a))) == 0;
	return datum_image_eq(a, b, column->typbyval, column->typlen);
}

/* Begin reading an old image, whose bytes must stay where they are. */
void
rm_old_reader_init(RmOldReader *reader, const char *old, int len)
{
	reader->next = len > 0 ? old + 1 : old;
	reader->end = old + len;
}

/* Read the next pair; false at the end. Its bytes were hashed when they were written, so that they are sound. */
bool
rm_old_read(RmOldReader *reader, RmOldPair *pair)
{
	const unsigned char *next = (const unsigned char *) reader->next;
	uint32 wire_len;

	if (reader->end - reader->next < 2)
		return false;
	pair->key_len = next[0] << 8 | next[1];
	if (reader->end - reader->next < 2 + pair->key_len + 5)
		return false;
	pair->key = reader->next + 2;
	pair->tag = pair->key[pair->key_len];
	memcpy(&wire_len, pair->key + pair->key_len + 1, sizeof(wire_len));
	pair->value_len = (int) pg_ntoh32(wire_len);
	pair->value = pair->key + pair->key_len + 5;
	if (pair->value_len < 0 || pair->value_len > reader->end - pair->value)
		return false;
	reader->next = pair->value + pair->value_len;
	return true;
}

/* Return a value as text that the type's input function takes; settings as rm_canonical_begin_settings() makes them. */
char *
rm_canonical_value_text(char tag, const char *bytes, int len)
{
	uint16 two = 0;
	uint32 four = 0;
	uint64 eight = 0;

	if (len == sizeof(two))
		memcpy(&two, bytes, sizeof(two));
	else if (len == sizeof(four))
		memcpy(&four, bytes, sizeof(four));
	else if (len == sizeof(eight))
		memcpy(&eight, bytes, sizeof(eight));

	switch (tag)
	{
		case 'B':
			return pstrdup(bytes[0] ? "t" : "f");
		case '2':
			return psprintf("%d", (int16) pg_ntoh16(two));
		case '4':
			return psprintf("%d", (int32) pg_ntoh32(four));
		case '8':
			return psprintf(INT64_FORMAT, (int64) pg_ntoh64(eight));
		case 'f':
			return DatumGetCString(OidFunctionCall1(F_FLOAT4OUT, Int32GetDatum((int32) pg_ntoh32(four))));
		case 'F':
			return DatumGetCString(OidFunctionCall1(F_FLOAT8OUT, Int64GetDatum((int64) pg_ntoh64(eight))));
		case 'D':
			return DatumGetCString(OidFunctionCall1(F_DATE_OUT, Int32GetDatum((int32) pg_ntoh32(four))));
		case 'M':
			return DatumGetCString(OidFunctionCall1(F_TIME_OUT, Int64GetDatum((int64) pg_ntoh64(eight))));
		case 'T':
			return DatumGetCString(OidFunctionCall1(F_TIMESTAMP_OUT, Int64GetDatum((int64) pg_ntoh64(eight))));
		case 'Z':
			return DatumGetCString(OidFunctionCall1(F_TIMESTAMPTZ_OUT, Int64GetDatum((int64) pg_ntoh64(eight))));
		case 'U':
			return DatumGetCString(OidFunctionCall1(F_UUID_OUT, PointerGetDatum(bytes)));
		case 'X':
			return DatumGetCString(OidFunctionCall1(F_BYTEAOUT, PointerGetDatum(cstring_to_text_with_len(bytes, len))));
		default:
			return rm_from_utf8(pnstrdup(bytes, len), len);
	}
}
