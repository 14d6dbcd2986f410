/* Makes chosen system calls on one folder fail. Preloaded; steered through ctypes.
 *
 * Counted are the calls that name a path below the watched folder or a descriptor opened there. `short`
 * transfers half of what was asked instead of failing.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define MOST_DESCRIPTORS 65536
#define SHORT (-1)

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static char folder[4096];
static size_t folder_length;
static unsigned char watched[MOST_DESCRIPTORS];
static long calls, first, last;
static int failure;
static char failed[256];
#define MOST_NAMES 65536
static const char *names[MOST_NAMES];

/* Watch the paths that are or begin with this one. */
void watch(const char *path) {
    pthread_mutex_lock(&guard);
    snprintf(folder, sizeof folder, "%s", path);
    folder_length = strlen(folder);
    calls = 0, first = last = -1, failed[0] = 0;
    pthread_mutex_unlock(&guard);
}

/* From now on let the from-th to the to-th call fail with an errno, or be SHORT. */
void arm(long from, long to, int code) {
    pthread_mutex_lock(&guard);
    calls = 0, first = from, last = to, failure = code, failed[0] = 0;
    pthread_mutex_unlock(&guard);
}

long calls_counted(void) { return calls; }

/* What the n-th call counted is, from 1 on. */
const char *call_name(long n) { return n > 0 && n < MOST_NAMES && n <= calls ? names[n] : ""; }

/* Which call failed first, empty when none did. */
const char *failed_call(void) { return failed; }

#define REAL(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

static int is_watched(int descriptor) {
    return descriptor >= 0 && descriptor < MOST_DESCRIPTORS && watched[descriptor];
}

static int is_below(int at, const char *path) {
    if (!folder_length || !path) return 0;
    if (path[0] != '/') return at != AT_FDCWD && is_watched(at);
    return !strncmp(path, folder, folder_length) && (path[folder_length] == '/' || !path[folder_length]);
}

static int opened(int descriptor, int below) {
    if (descriptor >= 0 && descriptor < MOST_DESCRIPTORS) watched[descriptor] = (unsigned char) below;
    return descriptor;
}

/* Count a call; return 0, an errno to fail with, or SHORT. */
static int count(int below, const char *name, const char *path, int can_be_short) {
    int answer = 0;
    /* Segments are verified by a thread of lowest priority at its own pace: no call would be the n-th twice. */
    if (!below || getpriority(PRIO_PROCESS, (id_t) gettid()) == 19) return 0;
    pthread_mutex_lock(&guard);
    calls++;
    if (calls < MOST_NAMES) names[calls] = name;
    if (first >= 0 && calls >= first && calls <= last && (failure != SHORT || can_be_short)) {
        answer = failure;
        if (!failed[0]) snprintf(failed, sizeof failed, "%s %s", name, path ? path : "");
    }
    pthread_mutex_unlock(&guard);
    return answer;
}

#define FAIL_IF(below, name, path, otherwise)                     \
    do {                                                          \
        int code = count(below, name, path, 0);                   \
        if (code) { errno = code; return otherwise; }             \
    } while (0)

static int open_at(int at, const char *path, int flags, mode_t mode, const char *name) {
    int below = is_below(at, path);
    FAIL_IF(below, name, path, -1);
    return opened(REAL(openat)(at, path, flags, mode), below);
}

#define OPENING(NAME, PARAMETERS, AT)                             \
    int NAME PARAMETERS {                                         \
        va_list rest;                                             \
        va_start(rest, flags);                                    \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                             \
        return open_at(AT, path, flags, mode, #NAME);             \
    }

OPENING(open, (const char *path, int flags, ...), AT_FDCWD)
OPENING(open64, (const char *path, int flags, ...), AT_FDCWD)
OPENING(openat, (int at, const char *path, int flags, ...), at)
OPENING(openat64, (int at, const char *path, int flags, ...), at)

int close(int descriptor) {
    if (descriptor >= 0 && descriptor < MOST_DESCRIPTORS) watched[descriptor] = 0;
    return REAL(close)(descriptor);
}

int dup(int descriptor) { return opened(REAL(dup)(descriptor), is_watched(descriptor)); }

/* Python copies descriptors with F_DUPFD_CLOEXEC; LMDB locks with F_SETLK. */
int fcntl(int descriptor, int command, ...) {
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    int below = is_watched(descriptor);
    if (command == F_SETLK || command == F_SETLKW) FAIL_IF(below, "fcntl", NULL, -1);
    int answer = REAL(fcntl)(descriptor, command, argument);
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? opened(answer, below) : answer;
}

int fcntl64(int descriptor, int command, ...) {
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    return fcntl(descriptor, command, argument);
}

#define TRANSFER(TYPE, NAME, PARAMETERS, ARGUMENTS)               \
    TYPE NAME PARAMETERS {                                        \
        int code = count(is_watched(descriptor), #NAME, NULL, size > 1); \
        if (code == SHORT) size /= 2;                             \
        else if (code) { errno = code; return -1; }               \
        return REAL(NAME) ARGUMENTS;                              \
    }

TRANSFER(ssize_t, read, (int descriptor, void *bytes, size_t size), (descriptor, bytes, size))
TRANSFER(ssize_t, pread, (int descriptor, void *bytes, size_t size, off_t at), (descriptor, bytes, size, at))
TRANSFER(ssize_t, pread64, (int descriptor, void *bytes, size_t size, off64_t at), (descriptor, bytes, size, at))
TRANSFER(ssize_t, write, (int descriptor, const void *bytes, size_t size), (descriptor, bytes, size))
TRANSFER(ssize_t, pwrite, (int descriptor, const void *bytes, size_t size, off_t at), (descriptor, bytes, size, at))
TRANSFER(ssize_t, pwrite64, (int descriptor, const void *bytes, size_t size, off64_t at),
         (descriptor, bytes, size, at))
TRANSFER(ssize_t, writev, (int descriptor, const struct iovec *bytes, int size), (descriptor, bytes, size))
TRANSFER(ssize_t, pwritev, (int descriptor, const struct iovec *bytes, int size, off_t at),
         (descriptor, bytes, size, at))
TRANSFER(ssize_t, pwritev64, (int descriptor, const struct iovec *bytes, int size, off64_t at),
         (descriptor, bytes, size, at))

#define ON_DESCRIPTOR(NAME, PARAMETERS, ARGUMENTS)                \
    int NAME PARAMETERS {                                         \
        FAIL_IF(is_watched(descriptor), #NAME, NULL, -1);         \
        return REAL(NAME) ARGUMENTS;                              \
    }

ON_DESCRIPTOR(fsync, (int descriptor), (descriptor))
ON_DESCRIPTOR(fdatasync, (int descriptor), (descriptor))
ON_DESCRIPTOR(ftruncate, (int descriptor, off_t size), (descriptor, size))
ON_DESCRIPTOR(ftruncate64, (int descriptor, off64_t size), (descriptor, size))
ON_DESCRIPTOR(flock, (int descriptor, int operation), (descriptor, operation))

#define ON_PATH(NAME, PARAMETERS, ARGUMENTS, AT)                  \
    int NAME PARAMETERS {                                         \
        FAIL_IF(is_below(AT, path), #NAME, path, -1);             \
        return REAL(NAME) ARGUMENTS;                              \
    }

ON_PATH(rename, (const char *path, const char *target), (path, target), AT_FDCWD)
ON_PATH(renameat, (int at, const char *path, int to, const char *target), (at, path, to, target), at)
ON_PATH(link, (const char *path, const char *target), (path, target), AT_FDCWD)
ON_PATH(linkat, (int at, const char *path, int to, const char *target, int flags), (at, path, to, target, flags), at)
ON_PATH(unlink, (const char *path), (path), AT_FDCWD)
ON_PATH(unlinkat, (int at, const char *path, int flags), (at, path, flags), at)
ON_PATH(rmdir, (const char *path), (path), AT_FDCWD)
ON_PATH(mkdir, (const char *path, mode_t mode), (path, mode), AT_FDCWD)
ON_PATH(mkdirat, (int at, const char *path, mode_t mode), (at, path, mode), at)
ON_PATH(truncate, (const char *path, off_t size), (path, size), AT_FDCWD)

DIR *opendir(const char *path) {
    FAIL_IF(is_below(AT_FDCWD, path), "opendir", path, NULL);
    return REAL(opendir)(path);
}

void *mmap(void *address, size_t size, int protection, int flags, int descriptor, off_t at) {
    FAIL_IF(!(flags & MAP_ANONYMOUS) && is_watched(descriptor), "mmap", NULL, MAP_FAILED);
    return REAL(mmap)(address, size, protection, flags, descriptor, at);
}

void *mmap64(void *address, size_t size, int protection, int flags, int descriptor, off64_t at) {
    FAIL_IF(!(flags & MAP_ANONYMOUS) && is_watched(descriptor), "mmap", NULL, MAP_FAILED);
    return REAL(mmap64)(address, size, protection, flags, descriptor, at);
}
