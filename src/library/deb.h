/*
 * deb.h
 *		Reading of Debian binary packages (deb(5)) as a stream.
 *
 * Knows nothing of the server, so that it can be fuzzed and run by itself.
 */
#ifndef RM_LIBRARY_DEB_H
#define RM_LIBRARY_DEB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Longest control file that is read, and longest path that is taken. */
#define RM_DEB_CONTROL_MAX (8 * 1024 * 1024)
#define RM_DEB_PATH_MAX 4096
#define RM_DEB_ERROR_MAX 512

/*
 * Where the bytes come from.
 *
 * read sets *buffer to the next bytes, valid until the next call, and returns
 * how many there are, 0 at the end, -1 on failure.  cancelled is asked between
 * blocks of unpacked data; true ends the work.
 */
typedef struct RmDebSource
{
	ssize_t (*read)(void *state, const void **buffer);
	bool (*cancelled)(void *state);
	void *state;
} RmDebSource;

typedef enum RmDebEntryType
{
	RM_DEB_FILE,
	RM_DEB_HARDLINK,
	RM_DEB_SYMLINK
} RmDebEntryType;

/* One entry of data.tar that is no directory. */
typedef struct RmDebEntry
{
	RmDebEntryType type;
	const char *path;         /* relative, normalized */
	const char *link;         /* hard link: relative, normalized; symbolic link: as it stands */
	int64_t size;             /* bytes; 0 for links */
	unsigned int mode;        /* permission bits */
	unsigned char sha256[32]; /* of a file's content; zero for links */
} RmDebEntry;

typedef struct RmDeb RmDeb;

extern RmDeb *rm_deb_open(const RmDebSource *source);
extern const char *rm_deb_control(RmDeb *deb, size_t *length);
extern bool rm_deb_next_entry(RmDeb *deb, RmDebEntry *entry);
extern const char *rm_deb_error(const RmDeb *deb);
extern void rm_deb_close(RmDeb *deb);

#endif /* RM_LIBRARY_DEB_H */
