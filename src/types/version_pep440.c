/*
 * version_pep440.c
 *		Python's versions: PEP 440 (PyPA specification "Version specifiers").
 *
 * All spellings of the specification's appendix B are taken, except space
 * around a version.
 *
 * Key: epoch; the release's numbers without zeros at its end; stages; local
 * version and an end.  Stages are, in order, .dev N, a N, b N, rc N, the final
 * release, .post N; each but the final one has a number, and further stages
 * follow all but .dev and the final one:
 *
 *		DEV n | [A|B|RC n] (DEV n | FINAL | POST n (DEV n | FINAL))
 *
 * A stage's code is below every number, so 1.0 comes before 1.0.1 whatever
 * its stages.  Segments of the local version: text before numbers.
 */
#include "types/version_schemes.h"

#include <string.h>

#include <string.h>

#define STAGE_DEV 0x05
#define STAGE_A 0x06
#define STAGE_B 0x07
#define STAGE_RC 0x08
#define STAGE_FINAL 0x09
#define STAGE_POST 0x0A

typedef struct Word
{
	const char *word;
	unsigned char stage;
} Word;

/* Where one word begins another, the longer stands first. */
static const Word pre_words[] = {
	{ "alpha", STAGE_A }, { "a", STAGE_A },   { "beta", STAGE_B }, { "b", STAGE_B }, { "preview", STAGE_RC },
	{ "pre", STAGE_RC },  { "rc", STAGE_RC }, { "c", STAGE_RC },   { NULL, 0 },
};
static const Word post_words[] = { { "post", STAGE_POST }, { "rev", STAGE_POST }, { "r", STAGE_POST }, { NULL, 0 } };
static const Word dev_words[] = { { "dev", STAGE_DEV }, { NULL, 0 } };

/* Return c in lower case, whatever the locale. */
static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* Tell whether c separates parts. */
static bool
is_separator(char c)
{
	return c == '.' || c == '-' || c == '_';
}

/* Find which word text begins with; NULL if none. */
static const Word *
match_word(const Word *words, const char *text, size_t len)
{
	for (; words->word != NULL; words++)
	{
		size_t count = strlen(words->word);
		size_t i = 0;

		while (i < count && i < len && lower(text[i]) == words->word[i])
			i++;
		if (i == count)
			return words;
	}
	return NULL;
}

/*
 * Read [separator] word [separator] [number] at *at into the key; leave *at
 * and the key alone where there is none.  span gets the part without the
 * separator before it.
 */
static bool
parse_stage(const char *text, size_t len, size_t *at, const Word *words, RmVersion *version, RmSpan *span)
{
	size_t start = *at < len && is_separator(text[*at]) ? *at + 1 : *at;
	const Word *word = match_word(words, text + start, len - start);
	size_t end;

	if (word == NULL)
		return false;
	end = start + strlen(word->word);
	if (end < len && is_separator(text[end]))
		end++;
	rm_key_put(&version->key, word->stage);
	*at = end + rm_key_put_number(&version->key, text + end, len - end);
	*span = (RmSpan) { start, *at - start };
	return true;
}

/* Read .postN, or -N, which means the same. */
static bool
parse_post(const char *text, size_t len, size_t *at, RmVersion *version)
{
	RmSpan span;

	if (*at + 1 < len && text[*at] == '-' && rm_version_is_digit(text[*at + 1]))
	{
		rm_key_put(&version->key, STAGE_POST);
		*at += 1 + rm_key_put_number(&version->key, text + *at + 1, len - *at - 1);
		return true;
	}
	return parse_stage(text, len, at, post_words, version, &span);
}

/* Read the release's numbers into the key, without the zeros at its end. */
static bool
parse_release(const char *text, size_t len, size_t *at, RmVersion *version, RmParseError *error)
{
	size_t significant;
	int part = RM_PART_MAJOR;

	if (rm_version_count_digits(text + *at, len - *at) == 0)
		return rm_version_complain(error, *at, "A number is expected.");
	significant = version->key.len;
	for (;;)
	{
		size_t digits = rm_key_put_number(&version->key, text + *at, len - *at);

		if (part <= RM_PART_PATCH)
			version->parts[part++] = (RmSpan) { *at, digits };
		for (size_t i = 0; i < digits; i++)
		{
			if (text[*at + i] != '0')
				significant = version->key.len;
		}
		*at += digits;
		if (*at + 1 >= len || text[*at] != '.' || !rm_version_is_digit(text[*at + 1]))
			break;
		(*at)++;
	}
	version->key.len = significant;
	return true;
}

/* Read +local into the key. */
static bool
parse_local(const char *text, size_t len, size_t *at, RmVersion *version, RmParseError *error)
{
	size_t start = *at + 1;

	do
	{
		size_t first = ++(*at);
		char segment[RM_VERSION_MAX];

		for (; *at < len && (rm_version_is_alpha(text[*at]) || rm_version_is_digit(text[*at])); (*at)++)
			segment[*at - first] = lower(text[*at]);
		if (*at == first)
			return rm_version_complain(error, *at,
									   "A local version consists of letters and digits, with . - _ between.");
		if (rm_version_count_digits(segment, *at - first) == *at - first)
			rm_key_put_number(&version->key, segment, *at - first);
		else
			rm_key_put_text(&version->key, segment, *at - first);
	} while (*at < len && is_separator(text[*at]));

	version->parts[RM_PART_BUILD] = (RmSpan) { start, *at - start };
	return true;
}

/* Parse; see version_schemes.h. */
bool
rm_version_parse_pep440(const char *text, size_t len, RmVersion *version, RmParseError *error)
{
	size_t at = lower(text[0]) == 'v' ? 1 : 0;
	size_t digits = rm_version_count_digits(text + at, len - at);
	RmSpan *prerelease = &version->parts[RM_PART_PRERELEASE];
	RmSpan dev;

	if (digits > 0 && at + digits < len && text[at + digits] == '!')
	{
		version->parts[RM_PART_EPOCH] = (RmSpan) { at, digits };
		rm_key_put_number(&version->key, text + at, digits);
		at += digits + 1;
	}
	else
		rm_key_put_number(&version->key, "", 0);

	if (!parse_release(text, len, &at, version, error))
		return false;
	parse_stage(text, len, &at, pre_words, version, prerelease);
	version->is_post = parse_post(text, len, &at, version);
	version->is_dev = parse_stage(text, len, &at, dev_words, version, &dev);
	if (!version->is_dev)
		rm_key_put(&version->key, STAGE_FINAL);
	else if (prerelease->len == 0)
		*prerelease = dev;
	version->is_prerelease = prerelease->len > 0;

	if (at < len && text[at] == '+')
	{
		if (!parse_local(text, len, &at, version, error))
			return false;
		rm_version_end(version, RM_KEY_END);
	}
	else
	{
		rm_version_end(version, RM_KEY_END);
		version->after = RM_KEY_GREATEST;
	}
	if (at < len)
		return rm_version_complain(error, at, "A pre-release, post-release, development or local part is expected.");
	return true;
}
