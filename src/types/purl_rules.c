/*
 * purl_rules.c
 *		The rules of package types, and the canonical form (ECMA-427, "How to build a PURL").
 *
 * The table follows the type definitions that the PURL community registers;
 * a type that is not in it has no rules of its own.  Lower case is ASCII's.
 */
#include "types/purl_parse.h"

#include <stdlib.h>
#include <string.h>

typedef enum Requirement
{
	OPTIONAL,
	REQUIRED,
	PROHIBITED
} Requirement;

/* What is not case sensitive is put in lower case. */
#define LOWER_NAMESPACE 1
#define LOWER_NAME 2
#define LOWER_VERSION 4
#define LOWER_SUBPATH 8

typedef struct TypeRule
{
	const char *type;
	Requirement namespace;
	int lower;
	const char *required_qualifier;
} TypeRule;

static const TypeRule type_rules[] = {
	{ "alpm", REQUIRED, LOWER_NAMESPACE | LOWER_NAME, NULL },
	{ "apk", REQUIRED, LOWER_NAMESPACE | LOWER_NAME, NULL },
	{ "bazel", PROHIBITED, 0, NULL },
	{ "bitbucket", REQUIRED, LOWER_NAMESPACE | LOWER_NAME, NULL },
	{ "bitnami", PROHIBITED, LOWER_NAME, NULL },
	{ "brew", OPTIONAL, LOWER_NAMESPACE | LOWER_NAME, NULL },
	{ "cargo", PROHIBITED, 0, NULL },
	{ "chrome-extension", PROHIBITED, LOWER_NAME, NULL },
	{ "cocoapods", PROHIBITED, 0, NULL },
	{ "composer", REQUIRED, LOWER_NAMESPACE | LOWER_NAME, NULL },
	{ "conda", PROHIBITED, 0, NULL },
	{ "cran", PROHIBITED, 0, NULL },
	{ "deb", REQUIRED, LOWER_NAMESPACE | LOWER_NAME, NULL },
	{ "gem", PROHIBITED, 0, NULL },
	{ "git", REQUIRED, 0, NULL },
	{ "github", REQUIRED, LOWER_NAMESPACE | LOWER_NAME, NULL },
	{ "golang", REQUIRED, 0, NULL },
	{ "hackage", PROHIBITED, 0, NULL },
	{ "hex", OPTIONAL, LOWER_NAMESPACE | LOWER_NAME, NULL },
	{ "huggingface", REQUIRED, LOWER_VERSION, NULL },
	{ "julia", PROHIBITED, 0, "uuid" },
	{ "luarocks", OPTIONAL, LOWER_NAMESPACE | LOWER_NAME, NULL },
	{ "maven", REQUIRED, 0, NULL },
	{ "mlflow", PROHIBITED, 0, NULL },
	{ "nuget", PROHIBITED, 0, NULL },
	{ "oci", PROHIBITED, LOWER_NAME | LOWER_VERSION, NULL },
	{ "opam", PROHIBITED, 0, NULL },
	{ "otp", PROHIBITED, LOWER_NAME | LOWER_SUBPATH, NULL },
	{ "pub", PROHIBITED, LOWER_NAME, NULL },
	{ "pypi", PROHIBITED, LOWER_NAME | LOWER_VERSION, NULL },
	{ "qpkg", REQUIRED, LOWER_NAMESPACE, NULL },
	{ "rpm", REQUIRED, LOWER_NAMESPACE, NULL },
	{ "swid", OPTIONAL, 0, "tag_id" },
	{ "swift", REQUIRED, 0, NULL },
	{ "vcpkg", PROHIBITED, 0, NULL },
	{ "vscode-extension", REQUIRED, LOWER_NAMESPACE | LOWER_NAME | LOWER_VERSION, NULL },
	{ "yocto", OPTIONAL, LOWER_NAMESPACE, NULL },
};

static const TypeRule no_rule = { "", OPTIONAL, 0, NULL };

/* Note what is wrong; always false, so that a caller can return it. */
static bool
complain(RmParseError *error, size_t position, const char *message)
{
	error->position = position;
	error->message = message;
	return false;
}

/* Tell whether the text is this word. */
static bool
is_word(RmPurlText text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

/* Tell whether the text contains this word. */
static bool
contains(RmPurlText text, const char *word)
{
	return text.len > 0 && memmem(text.data, text.len, word, strlen(word)) != NULL;
}

/* Put ASCII letters in lower case. */
static void
make_lower(RmPurlText text)
{
	for (size_t i = 0; i < text.len; i++)
	{
		if (text.data[i] >= 'A' && text.data[i] <= 'Z')
			text.data[i] += 'a' - 'A';
	}
}

/* Tell whether c may stand in a type or a qualifier's key. */
static bool
is_word_character(char c, const char *punctuation)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c != '\0' && strchr(punctuation, c) != NULL);
}

/* Tell whether the text, in lower case, may be a type or a qualifier's key. */
static bool
is_identifier(RmPurlText text, const char *punctuation)
{
	if (text.len == 0 || text.data[0] < 'a' || text.data[0] > 'z')
		return false;
	for (size_t i = 0; i < text.len; i++)
	{
		if (!is_word_character(text.data[i], punctuation))
			return false;
	}
	return true;
}

/* Return the rule of a type. */
static const TypeRule *
find_rule(RmPurlText type)
{
	for (size_t i = 0; i < sizeof(type_rules) / sizeof(type_rules[0]); i++)
	{
		if (is_word(type, type_rules[i].type))
			return &type_rules[i];
	}
	return &no_rule;
}

/* Return the value of a qualifier, empty if it is absent. */
static RmPurlText
get_qualifier(const RmPurlParts *parts, const char *key)
{
	for (int i = 0; i < parts->qualifier_count; i++)
	{
		if (is_word(parts->qualifiers[i].key, key))
			return parts->qualifiers[i].value;
	}
	return (RmPurlText) { NULL, 0, RM_NO_POSITION };
}

/* Order qualifiers by key. */
static int
compare_qualifiers(const void *a, const void *b)
{
	const RmPurlText *x = &((const RmPurlQualifier *) a)->key;
	const RmPurlText *y = &((const RmPurlQualifier *) b)->key;
	int order = memcmp(x->data, y->data, x->len < y->len ? x->len : y->len);

	return order != 0 ? order : x->len < y->len ? -1 : x->len > y->len;
}

/* Check and sort the qualifiers. */
static bool
normalize_qualifiers(RmPurlParts *parts, RmParseError *error)
{
	for (int i = 0; i < parts->qualifier_count; i++)
	{
		make_lower(parts->qualifiers[i].key);
		if (!is_identifier(parts->qualifiers[i].key, ".-_"))
			return complain(error, parts->qualifiers[i].key.position,
							"A qualifier's key begins with a letter and consists of letters, digits and . - _");
	}
	qsort(parts->qualifiers, parts->qualifier_count, sizeof(RmPurlQualifier), compare_qualifiers);
	for (int i = 1; i < parts->qualifier_count; i++)
	{
		if (compare_qualifiers(&parts->qualifiers[i - 1], &parts->qualifiers[i]) == 0)
			return complain(error, parts->qualifiers[i].key.position, "Each key of the qualifiers is given once.");
	}
	return true;
}

/* Tell whether the text is one to four numbers with dots between. */
static bool
is_chrome_version(RmPurlText text)
{
	int numbers = 1;
	bool digit = false;

	for (size_t i = 0; i < text.len; i++)
	{
		if (text.data[i] == '.' && digit)
		{
			numbers++;
			digit = false;
		}
		else if (text.data[i] >= '0' && text.data[i] <= '9')
			digit = true;
		else
			return false;
	}
	return digit && numbers <= 4;
}

/* Apply what only one type asks of its names and versions. */
static bool
normalize_by_type(RmPurlParts *parts, RmParseError *error)
{
	RmPurlText name = parts->name;

	if (is_word(parts->type, "pypi"))
	{
		for (size_t i = 0; i < name.len; i++)
			name.data[i] = name.data[i] == '_' ? '-' : name.data[i];
	}
	else if (is_word(parts->type, "pub"))
	{
		for (size_t i = 0; i < name.len; i++)
			name.data[i] = is_word_character(name.data[i], "_") ? name.data[i] : '_';
	}
	else if (is_word(parts->type, "mlflow") && contains(get_qualifier(parts, "repository_url"), "databricks"))
		make_lower(name);
	else if (is_word(parts->type, "cpan") && contains(name, "::"))
		return complain(error, name.position, "The name of type cpan is a distribution's, which has no ::");
	else if (is_word(parts->type, "chrome-extension"))
	{
		bool valid = name.len == 32;

		for (size_t i = 0; i < name.len; i++)
			valid = valid && name.data[i] >= 'a' && name.data[i] <= 'p';
		if (!valid)
			return complain(error, name.position, "The name of type chrome-extension is 32 letters from a to p.");
		if (parts->version.len > 0 && !is_chrome_version(parts->version))
			return complain(error, parts->version.position,
							"The version of type chrome-extension is one to four numbers.");
	}
	return true;
}

/* Apply the rules of the specification and of the type. */
bool
rm_purl_normalize(RmPurlParts *parts, RmParseError *error)
{
	const TypeRule *rule;

	make_lower(parts->type);
	if (!is_identifier(parts->type, ".-"))
		return complain(error, parts->type.position,
						"The type begins with a letter and consists of letters, digits and . -");
	if (parts->name.len == 0)
		return complain(error, parts->name.position, "A name is expected.");
	if (!normalize_qualifiers(parts, error))
		return false;

	rule = find_rule(parts->type);
	if (rule->namespace == REQUIRED && parts->namespace.len == 0)
		return complain(error, parts->name.position, "A package of this type has a namespace before its name.");
	if (rule->namespace == PROHIBITED && parts->namespace.len > 0)
		return complain(error, parts->namespace.position, "A package of this type has no namespace before its name.");
	if (rule->required_qualifier != NULL && get_qualifier(parts, rule->required_qualifier).len == 0)
		return complain(error, RM_NO_POSITION,
						"A package of this type has a qualifier that is missing here (julia: uuid, swid: tag_id).");

	if (rule->lower & LOWER_NAMESPACE)
		make_lower(parts->namespace);
	if (rule->lower & LOWER_NAME)
		make_lower(parts->name);
	if (rule->lower & LOWER_VERSION)
		make_lower(parts->version);
	if (rule->lower & LOWER_SUBPATH)
		make_lower(parts->subpath);
	return normalize_by_type(parts, error);
}

/* Append one byte, counting on where there is no room. */
static void
put(RmPurlCanonical *canonical, char c)
{
	if (canonical->len < RM_PURL_MAX)
		canonical->text[canonical->len] = c;
	canonical->len++;
}

/* Append a component, percent-encoded; slash: '/' separates segments. */
static void
put_encoded(RmPurlCanonical *canonical, RmPurlText text, bool slash)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.len; i++)
	{
		unsigned char c = text.data[i];

		if (is_word_character(c, ".-_~:") || (c >= 'A' && c <= 'Z') || (c == '/' && slash))
			put(canonical, c);
		else
		{
			put(canonical, '%');
			put(canonical, digits[c >> 4]);
			put(canonical, digits[c & 15]);
		}
	}
}

/* Write the canonical form of parts that are normalized. */
bool
rm_purl_print(const RmPurlParts *parts, RmPurlCanonical *canonical, RmParseError *error)
{
	canonical->len = 0;
	for (const char *scheme = "pkg:"; *scheme != '\0'; scheme++)
		put(canonical, *scheme);
	put_encoded(canonical, parts->type, false);
	put(canonical, '/');
	if (parts->namespace.len > 0)
	{
		put_encoded(canonical, parts->namespace, true);
		put(canonical, '/');
	}
	put_encoded(canonical, parts->name, false);
	if (parts->version.len > 0)
	{
		put(canonical, '@');
		put_encoded(canonical, parts->version, false);
	}
	for (int i = 0; i < parts->qualifier_count; i++)
	{
		put(canonical, i == 0 ? '?' : '&');
		put_encoded(canonical, parts->qualifiers[i].key, false);
		put(canonical, '=');
		put_encoded(canonical, parts->qualifiers[i].value, false);
	}
	if (parts->subpath.len > 0)
	{
		put(canonical, '#');
		put_encoded(canonical, parts->subpath, true);
	}
	if (canonical->len > RM_PURL_MAX)
		return complain(error, RM_NO_POSITION, "A package URL has at most 2000 bytes in canonical form.");
	return true;
}
