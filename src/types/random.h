/*
 * random.h
 *		Random bytes in small portions.
 */
#ifndef RM_TYPES_RANDOM_H
#define RM_TYPES_RANDOM_H

#include "postgres.h"

extern void rm_draw_random(void *bytes, size_t len);

#endif /* RM_TYPES_RANDOM_H */
