/*
 * digest_parse.c
 *		The text forms of a digest, without the server.
 *
 *		sha256:<lower-case hex>		OCI image specification, "Digests"
 *		sha256-<base64>				W3C Subresource Integrity, one hash, no options
 *		<hex>						as sha256sum prints it; the length tells the algorithm
 */
#include "types/digest_parse.h"

#include <openssl/evp.h>
#include <string.h>

/* Note what is wrong; always false, so that a parser can return it. */
static bool
complain(RmParseError *error, size_t position, const char *message)
{
	error->position = position;
	error->message = message;
	return false;
}

/* Return the value of a hexadecimal digit, -1 for another character. */
static int
hex_value(char c, bool upper_allowed)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (upper_allowed && c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Read exactly the digits of value's algorithm from text[start..len). */
static bool
parse_digits(const char *text, size_t start, size_t len, bool upper_allowed, RmDigestValue *value, RmParseError *error)
{
	size_t digits = 2 * rm_hash_size(value->algorithm);

	for (size_t i = 0; i < digits; i++)
	{
		int nibble = start + i < len ? hex_value(text[start + i], upper_allowed) : -1;

		if (start + i >= len)
			return complain(error, len, "The text ends before the last hexadecimal digit of the hash.");
		if (nibble < 0)
			return complain(error, start + i,
							upper_allowed ? "A hexadecimal digit is expected."
										  : "A lower-case hexadecimal digit is expected.");
		if (i % 2 == 0)
			value->bytes[i / 2] = nibble << 4;
		else
			value->bytes[i / 2] |= nibble;
	}
	if (start + digits < len)
		return complain(error, start + digits, "The hash ends here, but the text goes on.");
	return true;
}

/* Read the algorithm's name up to the separator; return the offset after it, 0 on failure. */
static size_t
parse_algorithm(const char *text, size_t len, char separator, RmDigestValue *value, RmParseError *error)
{
	const char *end = memchr(text, separator, len);

	value->algorithm = rm_hash_algorithm(text, end == NULL ? 0 : end - text);
	if (value->algorithm == RM_HASH_INVALID)
	{
		complain(error, 0,
				 separator == ':' ? "The text must begin with sha256:, sha384: or sha512:."
								  : "The text must begin with sha256-, sha384- or sha512-.");
		return 0;
	}
	return end - text + 1;
}

/* Read the OCI form. */
bool
rm_digest_parse_oci(const char *text, size_t len, RmDigestValue *value, RmParseError *error)
{
	size_t start = parse_algorithm(text, len, ':', value, error);

	return start != 0 && parse_digits(text, start, len, false, value, error);
}

/* Read bare hexadecimal digits of either case. */
bool
rm_digest_parse_hex(const char *text, size_t len, RmDigestValue *value, RmParseError *error)
{
	value->algorithm = len % 2 == 0 ? rm_digest_algorithm_of_size(len / 2) : RM_HASH_INVALID;
	if (value->algorithm == RM_HASH_INVALID)
		return complain(error, len, "A hash has 64, 96 or 128 hexadecimal digits.");
	return parse_digits(text, 0, len, true, value, error);
}

/* Read the SRI form: canonical base64, padded. */
bool
rm_digest_parse_sri(const char *text, size_t len, RmDigestValue *value, RmParseError *error)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t start = parse_algorithm(text, len, '-', value, error);
	size_t size = rm_hash_size(value->algorithm);
	size_t encoded = (size + 2) / 3 * 4;
	size_t padding = (3 - size % 3) % 3;
	unsigned char decoded[RM_HASH_MAX_SIZE + 3];
	char again[RM_DIGEST_TEXT_SIZE];

	if (start == 0)
		return false;
	if (len - start != encoded)
		return complain(error, len, "The base64 part has not the length of this hash.");
	for (size_t i = 0; i < encoded; i++)
	{
		char c = text[start + i];
		bool pad = i >= encoded - padding;

		if (pad ? c != '=' : c == '\0' || strchr(alphabet, c) == NULL)
			return complain(error, start + i, "A base64 digit (or the padding) is expected.");
	}
	if (EVP_DecodeBlock(decoded, (const unsigned char *) text + start, encoded) < 0)
		return complain(error, start, "The base64 part can not be decoded.");
	memcpy(value->bytes, decoded, size);

	/* Bits that the hash does not use must be zero, or two texts are one hash. */
	rm_digest_print_sri(value->algorithm, value->bytes, again);
	if (memcmp(again, text, len) != 0)
		return complain(error, len - padding - 1, "The last base64 digit has bits that the hash does not use.");
	return true;
}

/* Write the OCI form, terminated; out has RM_DIGEST_TEXT_SIZE bytes. */
void
rm_digest_print_oci(RmHashAlgorithm algorithm, const unsigned char *bytes, char *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t size = rm_hash_size(algorithm);
	size_t name = strlen(rm_hash_name(algorithm));

	memcpy(out, rm_hash_name(algorithm), name);
	out += name;
	*out++ = ':';
	for (size_t i = 0; i < size; i++)
	{
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

/* Write the SRI form, terminated; out has RM_DIGEST_TEXT_SIZE bytes. */
void
rm_digest_print_sri(RmHashAlgorithm algorithm, const unsigned char *bytes, char *out)
{
	size_t name = strlen(rm_hash_name(algorithm));

	memcpy(out, rm_hash_name(algorithm), name);
	out[name] = '-';
	EVP_EncodeBlock((unsigned char *) out + name + 1, bytes, rm_hash_size(algorithm));
}

/* Return the algorithm whose hashes have that many bytes. */
RmHashAlgorithm
rm_digest_algorithm_of_size(size_t size)
{
	for (int algorithm = RM_HASH_SHA256; algorithm <= RM_HASH_SHA512; algorithm++)
	{
		if (rm_hash_size(algorithm) == size)
			return algorithm;
	}
	return RM_HASH_INVALID;
}
