/*
 * cmdb.h
 *		What the module cmdb offers to whoever loads it.
 */
#ifndef RM_CMDB_CMDB_H
#define RM_CMDB_CMDB_H

extern void rm_cmdb_init(void);

#endif /* RM_CMDB_CMDB_H */
