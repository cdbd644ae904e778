/*
 * content.h
 *		The chunks of a library item as a stream, and text of foreign origin.
 */
#ifndef RM_LIBRARY_CONTENT_H
#define RM_LIBRARY_CONTENT_H

#include "postgres.h"

#include "utils/portal.h"
#include "utils/uuid.h"

/*
 * A walk over the chunks of one item, in order, one in memory at a time.
 *
 * To be used between SPI_connect and SPI_finish.
 */
typedef struct RmContent
{
	Portal portal;
	MemoryContext context; /* holds the chunk at hand and a caught error */
	bytea *chunk;
	ErrorData *error; /* caught by rm_content_try_next */
} RmContent;

extern void rm_content_open(RmContent *content, pg_uuid_t *item);
extern bool rm_content_next(RmContent *content);
extern bool rm_content_try_next(RmContent *content);
extern void rm_content_close(RmContent *content);

extern text *rm_text_of_utf8(const char *bytes, size_t length, const char *what);

#endif /* RM_LIBRARY_CONTENT_H */
