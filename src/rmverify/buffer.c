/*
 * buffer.c
 *		Bytes that grow.
 */
#include <stdlib.h>
#include <string.h>

#include "rmverify/rmverify.h"

/* Append bytes. */
void
append(Buffer *buffer, const void *bytes, size_t len)
{
	if (buffer->len + len > buffer->room)
	{
		buffer->room = (buffer->len + len) * 2;
		buffer->bytes = realloc(buffer->bytes, buffer->room);
		if (buffer->bytes == NULL)
			trouble("out of memory");
	}
	memcpy(buffer->bytes + buffer->len, bytes, len);
	buffer->len += len;
}

/* Append a number of so many bytes, big-endian. */
void
append_number(Buffer *buffer, uint64_t number, int size)
{
	for (int i = size - 1; i >= 0; i--)
	{
		unsigned char byte = (unsigned char) (number >> (8 * i));

		append(buffer, &byte, 1);
	}
}

/* Append a string and the zero byte that ends it, which the next one takes the place of. */
void
append_text(Buffer *buffer, const char *text)
{
	append(buffer, text, strlen(text) + 1);
	buffer->len--;
}
