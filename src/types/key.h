/*
 * key.h
 *		Keys: byte strings whose memcmp order is the order of versions.
 *
 * No key is a prefix of another key of its scheme: each ends in a terminator,
 * a code whose two neighbours no key uses in its place, so that they can
 * stand for the points just before and just after a version.
 *
 * Codes, in their order; each scheme uses those it needs:
 *
 *		0x00		before the release part that an RPM version lacks
 *		0x01		RPM release part absent; end of raw text
 *		0x02		'~'
 *		0x03-0x05	before the end, the end, after the end
 *		0x06-0x0A	'^'; stages of PEP 440 (see version_pep440.c)
 *		0x0C		raw text follows, ended by 0x01
 *		0x10-0xB8	a number (RM_KEY_NUMBER)
 *		0xC0-0xFE	characters
 *		0xFF		after everything
 *
 * Maven has codes of its own below the characters (see version_maven.c).
 */
#ifndef RM_TYPES_KEY_H
#define RM_TYPES_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest text of a version, in bytes, and longest key that it can give. */
#define RM_VERSION_MAX 1000
#define RM_KEY_MAX (2 * RM_VERSION_MAX + 32)

/*
 * Most bytes of text and key together.  Both are stored: a btree's tuple has
 * at most 2704 bytes, and a page of a GiST index, 8 kB, must hold two ranges of
 * two versions each, whether or not they can be compressed.
 */
#define RM_VERSION_STORED_MAX 2010

#define RM_KEY_LEAST 0x00
#define RM_KEY_ABSENT 0x01
#define RM_KEY_TEXT_END 0x01
#define RM_KEY_TILDE 0x02
#define RM_KEY_END 0x04
#define RM_KEY_CARET 0x06
#define RM_KEY_TEXT 0x0C
#define RM_KEY_NUMBER 0x10
#define RM_KEY_CHARACTER 0xC0
#define RM_KEY_GREATEST 0xFF

/* How many small numbers take a single byte. */
#define RM_KEY_SINGLES 160

typedef struct RmKey
{
	size_t len;
	unsigned char bytes[RM_KEY_MAX];
} RmKey;

extern void rm_key_put(RmKey *key, unsigned char code);
extern size_t rm_key_put_number(RmKey *key, const char *text, size_t len);
extern size_t rm_key_put_number_among(RmKey *key, const char *text, size_t len, unsigned char first, int singles);
extern void rm_key_put_text(RmKey *key, const char *text, size_t len);

#endif /* RM_TYPES_KEY_H */
