/* Logs what happens to the files below one folder, in order, for images of a power cut. Preloaded; steered
 * through ctypes.
 *
 * One lock is held over each call and its record, so that the order of the log is the order of the calls.
 * Only calls that succeeded are logged. A record is the struct below, then its path, then its data. What cannot
 * be logged ends the process with a line on standard error.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define MOST_DESCRIPTORS 65536

struct record {
    char kind[8];
    int32_t descriptor, flags;
    int64_t offset;
    uint32_t path_size, data_size;
};

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static char folder[4096];
static size_t folder_length;
static unsigned char watched[MOST_DESCRIPTORS];
static FILE *file;

#define REAL(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

static void give_up(const char *why) {
    perror(why);
    abort();
}

/* Called under the lock. A thread that waited for it while the log ended has nothing to add to. */
static void add(const char *kind, int descriptor, int flags, int64_t offset, const char *path, const void *data,
                size_t size) {
    if (!file) return;
    struct record record = {{0}, descriptor, flags, offset, path ? (uint32_t) strlen(path) : 0, (uint32_t) size};
    strncpy(record.kind, kind, sizeof record.kind - 1);
    if (fwrite(&record, sizeof record, 1, file) != 1 || (path && fwrite(path, 1, record.path_size, file) != record.path_size)
        || fwrite(data, 1, size, file) != size)
        give_up("the log of writes cannot be written");
}

/* Begin to log what happens below a folder. */
void watch(const char *path, const char *log) {
    pthread_mutex_lock(&guard);
    snprintf(folder, sizeof folder, "%s", path);
    file = REAL(fopen)(log, "wb");
    if (!file) give_up("the log of writes cannot be opened");
    folder_length = strlen(folder);
    pthread_mutex_unlock(&guard);
}

/* Put what the program says of itself between the calls. */
void mark(const char *text) {
    pthread_mutex_lock(&guard);
    add("mark", -1, 0, 0, NULL, text, strlen(text));
    pthread_mutex_unlock(&guard);
}

void finish(void) {
    pthread_mutex_lock(&guard);
    if (fclose(file)) give_up("the log of writes cannot be closed");
    file = NULL;
    folder_length = 0;
    memset(watched, 0, sizeof watched);
    pthread_mutex_unlock(&guard);
}

static int is_watched(int descriptor) {
    return folder_length && descriptor >= 0 && descriptor < MOST_DESCRIPTORS && watched[descriptor];
}

static int is_below(int at, const char *path) {
    if (!folder_length || !path) return 0;
    if (path[0] != '/') return at != AT_FDCWD && is_watched(at);
    return !strncmp(path, folder, folder_length) && (path[folder_length] == '/' || !path[folder_length]);
}

/* Run a call and log it when it succeeded. */
#define LOGGED(TYPE, BELOW, CALL, RECORD)                         \
    do {                                                          \
        if (!(BELOW)) return CALL;                                \
        pthread_mutex_lock(&guard);                               \
        /* A number that was closed meanwhile may be another file's by now. */ \
        int below = (BELOW);                                      \
        TYPE answer = CALL;                                       \
        if (below && answer != (TYPE) -1) { RECORD; }             \
        pthread_mutex_unlock(&guard);                             \
        return answer;                                            \
    } while (0)

static void watch_descriptor(int descriptor) {
    if (descriptor >= MOST_DESCRIPTORS) give_up("the log of writes knows no such descriptor");
    watched[descriptor] = file != NULL;
}

static int opened(int descriptor, int at, const char *path, int flags) {
    watch_descriptor(descriptor);
    add("open", descriptor, flags, at, path, NULL, 0);
    return descriptor;
}

#define OPENING(NAME, PARAMETERS, AT)                             \
    int NAME PARAMETERS {                                         \
        va_list rest;                                             \
        va_start(rest, flags);                                    \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                             \
        LOGGED(int, is_below(AT, path), REAL(openat)(AT, path, flags, mode), opened(answer, AT, path, flags)); \
    }

OPENING(open, (const char *path, int flags, ...), AT_FDCWD)
OPENING(open64, (const char *path, int flags, ...), AT_FDCWD)
OPENING(openat, (int at, const char *path, int flags, ...), at)
OPENING(openat64, (int at, const char *path, int flags, ...), at)

int close(int descriptor) {
    LOGGED(int, is_watched(descriptor), REAL(close)(descriptor),
           (watched[descriptor] = 0, add("close", descriptor, 0, 0, NULL, NULL, 0)));
}

static void copied(int descriptor, int copy) {
    watch_descriptor(copy);
    add("copy", descriptor, 0, copy, NULL, NULL, 0);
}

int dup(int descriptor) {
    LOGGED(int, is_watched(descriptor), REAL(dup)(descriptor), copied(descriptor, answer));
}

int fcntl(int descriptor, int command, ...) {
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    int copies = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
    LOGGED(int, copies && is_watched(descriptor), REAL(fcntl)(descriptor, command, argument),
           copied(descriptor, answer));
}

int fcntl64(int descriptor, int command, ...) {
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    return fcntl(descriptor, command, argument);
}

static void vector_written(int descriptor, const struct iovec *bytes, int size, int64_t at, ssize_t left) {
    for (int i = 0; i < size && left > 0; i++) {
        size_t part = bytes[i].iov_len < (size_t) left ? bytes[i].iov_len : (size_t) left;
        add("write", descriptor, 0, at, NULL, bytes[i].iov_base, part);
        at += (int64_t) part, left -= (ssize_t) part;
    }
}

ssize_t write(int descriptor, const void *bytes, size_t size) {
    LOGGED(ssize_t, is_watched(descriptor), REAL(write)(descriptor, bytes, size),
           add("write", descriptor, 0, lseek(descriptor, 0, SEEK_CUR) - answer, NULL, bytes, (size_t) answer));
}

ssize_t writev(int descriptor, const struct iovec *bytes, int size) {
    LOGGED(ssize_t, is_watched(descriptor), REAL(writev)(descriptor, bytes, size),
           vector_written(descriptor, bytes, size, lseek(descriptor, 0, SEEK_CUR) - answer, answer));
}

#define PLACED(NAME, PARAMETERS, RECORD)                          \
    ssize_t NAME PARAMETERS {                                     \
        LOGGED(ssize_t, is_watched(descriptor), REAL(NAME)(descriptor, bytes, size, at), RECORD); \
    }

PLACED(pwrite, (int descriptor, const void *bytes, size_t size, off_t at),
       add("write", descriptor, 0, at, NULL, bytes, (size_t) answer))
PLACED(pwrite64, (int descriptor, const void *bytes, size_t size, off64_t at),
       add("write", descriptor, 0, at, NULL, bytes, (size_t) answer))
PLACED(pwritev, (int descriptor, const struct iovec *bytes, int size, off_t at),
       vector_written(descriptor, bytes, size, at, answer))
PLACED(pwritev64, (int descriptor, const struct iovec *bytes, int size, off64_t at),
       vector_written(descriptor, bytes, size, at, answer))

#define ON_DESCRIPTOR(NAME, PARAMETERS, ARGUMENTS, KIND, OFFSET)  \
    int NAME PARAMETERS {                                         \
        LOGGED(int, is_watched(descriptor), REAL(NAME) ARGUMENTS, add(KIND, descriptor, 0, OFFSET, NULL, NULL, 0)); \
    }

ON_DESCRIPTOR(fsync, (int descriptor), (descriptor), "sync", 0)
ON_DESCRIPTOR(fdatasync, (int descriptor), (descriptor), "sync", 0)
ON_DESCRIPTOR(ftruncate, (int descriptor, off_t size), (descriptor, size), "length", size)
ON_DESCRIPTOR(ftruncate64, (int descriptor, off64_t size), (descriptor, size), "length", size)
/* What a reader of the log cannot follow: its name is enough to refuse the log. */
ON_DESCRIPTOR(fallocate, (int descriptor, int mode, off_t at, off_t size), (descriptor, mode, at, size), "alien", 0)
ON_DESCRIPTOR(posix_fallocate, (int descriptor, off_t at, off_t size), (descriptor, at, size), "alien", 0)

#define ON_PATH(NAME, PARAMETERS, ARGUMENTS, AT, KIND)            \
    int NAME PARAMETERS {                                         \
        LOGGED(int, is_below(AT, path), REAL(NAME) ARGUMENTS, add(KIND, AT, 0, 0, path, NULL, 0)); \
    }

ON_PATH(unlink, (const char *path), (path), AT_FDCWD, "unlink")
ON_PATH(unlinkat, (int at, const char *path, int flags), (at, path, flags), at, "unlink")
ON_PATH(rmdir, (const char *path), (path), AT_FDCWD, "unlink")
ON_PATH(mkdir, (const char *path, mode_t mode), (path, mode), AT_FDCWD, "mkdir")
ON_PATH(mkdirat, (int at, const char *path, mode_t mode), (at, path, mode), at, "mkdir")
ON_PATH(truncate, (const char *path, off_t size), (path, size), AT_FDCWD, "alien")

#define ON_TWO_PATHS(NAME, PARAMETERS, ARGUMENTS, AT, TO, KIND)   \
    int NAME PARAMETERS {                                         \
        LOGGED(int, is_below(AT, path) || is_below(TO, target), REAL(NAME) ARGUMENTS, \
               add(KIND, AT, 0, TO, path, target, strlen(target))); \
    }

ON_TWO_PATHS(rename, (const char *path, const char *target), (path, target), AT_FDCWD, AT_FDCWD, "rename")
ON_TWO_PATHS(renameat, (int at, const char *path, int to, const char *target), (at, path, to, target), at, to, "rename")
ON_TWO_PATHS(renameat2, (int at, const char *path, int to, const char *target, unsigned flags),
             (at, path, to, target, flags), at, to, "rename")
ON_TWO_PATHS(link, (const char *path, const char *target), (path, target), AT_FDCWD, AT_FDCWD, "link")
ON_TWO_PATHS(linkat, (int at, const char *path, int to, const char *target, int flags),
             (at, path, to, target, flags), at, to, "link")

#define MAPPING(NAME, OFFSET)                                     \
    void *NAME(void *address, size_t size, int protection, int flags, int descriptor, OFFSET at) { \
        int writes = protection & PROT_WRITE && flags & MAP_SHARED && !(flags & MAP_ANONYMOUS); \
        LOGGED(void *, writes && is_watched(descriptor), \
               REAL(NAME)(address, size, protection, flags, descriptor, at), \
               add("map", descriptor, 0, 0, NULL, NULL, 0)); \
    }

MAPPING(mmap, off_t)
MAPPING(mmap64, off64_t)
