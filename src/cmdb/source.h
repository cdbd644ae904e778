/*
 * source.h
 *		Notes of which transactions changed what baselines are made of.
 */
#ifndef RM_CMDB_SOURCE_H
#define RM_CMDB_SOURCE_H

extern void rm_source_note(const char *source);
extern void rm_source_noted_anew(void);

#endif /* RM_CMDB_SOURCE_H */
