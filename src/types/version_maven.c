/*
 * version_maven.c
 *		Maven's versions: ComparableVersion of Maven 3.8.7 to 3.9, made a total order.
 *
 * A version is a list of numbers and qualifiers; a hyphen, a change between
 * digits and letters, and a qualifier at the end of a dotted part begin a list
 * within, which reaches to the end.  Zeros and release qualifiers (ga, final,
 * release) at the end of a list, or before one, are dropped.
 *
 * Maven compares list with list item by item.  It has text < list < number;
 * but an item beyond the end is equal to 0 and to a release, after a
 * pre-release and before all else, whatever that is compared with otherwise,
 * and so x < 0-alpha < 0 < x.  The key gives the end one place, and each item
 * that could stand on either side of it two, by the first item from there on
 * that is neither 0 nor a release: LOW where it is a pre-release, HIGH where
 * it is not.
 *
 * Codes, in order: pre-releases; what is LOW; the end; a release that is HIGH;
 * other qualifiers; a list that is HIGH, with a code of its own for the number
 * that it begins with, if it does; numbers.  Text of an unknown qualifier
 * needs no terminator, for the codes of its characters are above all others.
 * No character of a version takes more than two bytes.
 */
#include "types/version_schemes.h"

#include <string.h>

#define CODE_ALPHA 0x01
#define CODE_BETA 0x02
#define CODE_MILESTONE 0x03
#define CODE_RC 0x04
#define CODE_SNAPSHOT 0x05
#define CODE_RELEASE_LOW 0x06
#define CODE_LIST_LOW 0x07
#define CODE_ZERO_LOW 0x08
#define CODE_END 0x0A
#define CODE_RELEASE_HIGH 0x0C
#define CODE_SP 0x0D
#define CODE_UNKNOWN 0x0E
#define CODE_LIST_HIGH 0x0F
#define CODE_LIST_NUMBER 0x10
#define LIST_SINGLES 31
#define CODE_NUMBER 0x38
#define NUMBER_SINGLES 120

/* Kinds of items that have no code of their own, beside those. */
#define ITEM_NUMBER CODE_NUMBER
#define ITEM_RELEASE CODE_END
#define ITEM_LIST CODE_LIST_NUMBER

typedef struct Item
{
	uint16_t start;
	uint16_t len;
	unsigned char code;
} Item;

/* A list is begun and a token ended at most once for each character. */
#define MAX_ITEMS (2 * RM_VERSION_MAX + 1)

/* What the text holds; each list within, ITEM_LIST, goes on to the end. */
typedef struct ItemList
{
	int count;
	bool begins; /* nothing has been added to the innermost list */
	Item items[MAX_ITEMS];
} ItemList;

static const struct
{
	const char *word;
	unsigned char code;
} qualifiers[] = {
	{ "alpha", CODE_ALPHA },     { "beta", CODE_BETA },     { "milestone", CODE_MILESTONE }, { "rc", CODE_RC },
	{ "cr", CODE_RC },           { "sp", CODE_SP },         { "snapshot", CODE_SNAPSHOT },   { "ga", ITEM_RELEASE },
	{ "release", ITEM_RELEASE }, { "final", ITEM_RELEASE },
};

/* Return c in lower case, whatever the locale. */
static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* Return the code of a qualifier; before a digit, a, b and m stand for words. */
static unsigned char
code_qualifier(const char *text, size_t len, bool before_digit)
{
	if (len == 1 && before_digit)
	{
		switch (lower(text[0]))
		{
			case 'a':
				return CODE_ALPHA;
			case 'b':
				return CODE_BETA;
			case 'm':
				return CODE_MILESTONE;
		}
	}
	for (size_t i = 0; i < sizeof(qualifiers) / sizeof(qualifiers[0]); i++)
	{
		size_t at = 0;

		while (at < len && qualifiers[i].word[at] == lower(text[at]))
			at++;
		if (at == len && qualifiers[i].word[at] == '\0')
			return qualifiers[i].code;
	}
	return CODE_UNKNOWN;
}

/* Append an item. */
static void
add_item(ItemList *list, unsigned char code, size_t start, size_t len)
{
	list->items[list->count++] = (Item) { start, len, code };
	list->begins = code == ITEM_LIST;
}

/* Append the number or qualifier text[start..end); nothing at all is 0. */
static void
add_token(ItemList *list, const char *text, size_t start, size_t end, bool before_digit)
{
	if (start == end || rm_version_is_digit(text[start]))
		add_item(list, ITEM_NUMBER, start, end - start);
	else
		add_item(list, code_qualifier(text + start, end - start, before_digit), start, end - start);
}

/* Take the text apart, as ComparableVersion.parseVersion does. */
static void
split_version(const char *text, size_t len, ItemList *list)
{
	size_t start = 0;

	list->count = 0;
	list->begins = true;
	for (size_t at = 0; at < len; at++)
	{
		bool digit = rm_version_is_digit(text[at]);

		if (text[at] == '.' || text[at] == '-')
		{
			add_token(list, text, start, at, false);
			start = at + 1;
			if (text[at] == '-')
				add_item(list, ITEM_LIST, start, 0);
		}
		else if (at > start && digit != rm_version_is_digit(text[at - 1]))
		{
			if (digit && !list->begins)
				add_item(list, ITEM_LIST, start, 0);
			add_token(list, text, start, at, digit);
			add_item(list, ITEM_LIST, at, 0);
			start = at;
		}
	}
	if (start == len)
		return;
	if (!rm_version_is_digit(text[start]) && !list->begins)
		add_item(list, ITEM_LIST, start, 0);
	add_token(list, text, start, len, false);
}

/* Tell whether the item is the number 0. */
static bool
is_zero(const char *text, const Item *item)
{
	size_t at = 0;

	while (at < item->len && text[item->start + at] == '0')
		at++;
	return item->code == ITEM_NUMBER && at == item->len;
}

/*
 * Drop what Maven drops, from the end on, and give the rest their codes.
 * Return whether what follows the first items, so many, makes a pre-release.
 */
static bool
normalize(const char *text, ItemList *list, int first)
{
	int kept = MAX_ITEMS;
	bool trimming = true;
	bool low = false;
	bool prerelease = false;

	for (int i = list->count - 1; i >= 0; i--)
	{
		Item item = list->items[i];

		if (item.code == ITEM_LIST)
		{
			trimming = true;
			if (kept == MAX_ITEMS)
				continue;
			item.code = low ? CODE_LIST_LOW : ITEM_LIST;
		}
		else if (item.code == ITEM_RELEASE || is_zero(text, &item))
		{
			if (trimming)
				continue;
			if (item.code == ITEM_RELEASE)
				item.code = low ? CODE_RELEASE_LOW : CODE_RELEASE_HIGH;
			else
				item.code = low ? CODE_ZERO_LOW : ITEM_NUMBER;
		}
		else
		{
			trimming = false;
			low = item.code <= CODE_SNAPSHOT;
		}
		list->items[--kept] = item;
		if (i >= first)
			prerelease = low;
	}
	list->count = MAX_ITEMS - kept;
	memmove(list->items, list->items + kept, list->count * sizeof(Item));
	return prerelease;
}

/* Return the code of a character of an unknown qualifier: ASCII's order, without digits, capitals, dot and hyphen. */
static unsigned char
code_character(char c)
{
	c = lower(c);
	return RM_KEY_CHARACTER + (c - '!') - (c > '9' ? 10 : 0) - (c > 'Z' ? 26 : 0);
}

/* Append what was found to the key. */
static void
put_items(RmKey *key, const char *text, const ItemList *list)
{
	for (int i = 0; i < list->count; i++)
	{
		const Item *item = &list->items[i];

		if (item->code == ITEM_NUMBER)
			rm_key_put_number_among(key, text + item->start, item->len, CODE_NUMBER, NUMBER_SINGLES);
		else if (item->code != ITEM_LIST)
			rm_key_put(key, item->code);
		else if (item[1].code != ITEM_NUMBER)
			rm_key_put(key, CODE_LIST_HIGH);
		else
		{
			item = &list->items[++i];
			rm_key_put_number_among(key, text + item->start, item->len, CODE_LIST_NUMBER, LIST_SINGLES);
		}
		for (size_t at = 0; item->code == CODE_UNKNOWN && at < item->len; at++)
			rm_key_put(key, code_character(text[item->start + at]));
	}
}

/* Parse; see version_schemes.h. */
bool
rm_version_parse_maven(const char *text, size_t len, RmVersion *version, RmParseError *error)
{
	ItemList list;
	int first = 0;

	for (size_t at = 0; at < len; at++)
	{
		if (text[at] <= ' ' || text[at] >= 0x7F || strchr("\\/:\"<>|?*[](),", text[at]) != NULL)
			return rm_version_complain(error, at,
									   "A version consists of printable ASCII characters other than "
									   "\\ / : \" < > | ? * [ ] ( ) and the comma.");
	}
	split_version(text, len, &list);
	while (first < list.count && list.items[first].code == ITEM_NUMBER)
		first++;
	for (int part = 0; part < first && RM_PART_MAJOR + part <= RM_PART_PATCH; part++)
		version->parts[RM_PART_MAJOR + part] = (RmSpan) { list.items[part].start, list.items[part].len };
	if (first < list.count)
		version->parts[RM_PART_PRERELEASE].start = list.items[first].start;

	version->is_prerelease = normalize(text, &list, first);
	if (version->is_prerelease)
		version->parts[RM_PART_PRERELEASE].len = len - version->parts[RM_PART_PRERELEASE].start;
	put_items(&version->key, text, &list);
	rm_version_end(version, CODE_END);
	return true;
}
