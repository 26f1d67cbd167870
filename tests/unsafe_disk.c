/* A disk that loses what was not synced. Loaded before libc (LD_PRELOAD), it writes down what every write below
 * $UNSAFE_FOLDER replaces, in $UNSAFE_LOG/NAME.undo, and up to where a sync has made that moot. While the file
 * $UNSAFE_LOG/broken exists, syncing fails with EIO and makes nothing durable; while $UNSAFE_LOG/full does, pwrite fails
 * with ENOSPC; while $UNSAFE_LOG/folders does, no folder below can be synced.
 *
 * A log is: int64 offset up to which entries are moot; then entries of int64 offset, count, size and count bytes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES 64
static struct { char name[256]; int fd; int64_t end; } logs[FILES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_fsync)(int), (*real_fdatasync)(int), (*real_ftruncate)(int, off_t);

__attribute__((constructor)) static void begin(void) {
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_write = dlsym(RTLD_NEXT, "write");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
}

/* Whether a file of that name says that something is wrong with the disk. */
static int is(const char *what) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", getenv("UNSAFE_LOG"), what);
  return !access(path, F_OK);
}

/* The log of the file behind a descriptor; NOT_OURS, or A_FOLDER of ours. */
enum { NOT_OURS = -1, A_FOLDER = -2 };
static int log_of(int fd) {
  char link[64], path[4096];
  struct stat found;
  const char *folder = getenv("UNSAFE_FOLDER"), *log = getenv("UNSAFE_LOG");
  if (!folder || !log || fstat(fd, &found)) return NOT_OURS;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, sizeof path - 1);
  if (size <= 0) return NOT_OURS;
  path[size] = 0;
  if (strncmp(path, folder, strlen(folder))) return NOT_OURS;
  if (S_ISDIR(found.st_mode)) return A_FOLDER;
  const char *name = path + strlen(folder);
  if (strchr(name, '/') || !S_ISREG(found.st_mode)) return NOT_OURS;
  for (int at = 0; at < FILES; at++) {
    if (!strcmp(logs[at].name, name)) return at;
    if (logs[at].name[0]) continue;
    char where[4096];
    snprintf(where, sizeof where, "%s/%s.undo", log, name);
    int64_t moot = sizeof moot;
    logs[at].fd = open(where, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (logs[at].fd < 0 || real_pwrite(logs[at].fd, &moot, sizeof moot, 0) != sizeof moot) abort();
    logs[at].end = moot;
    snprintf(logs[at].name, sizeof logs[at].name, "%s", name);
    return at;
  }
  abort();
}

/* Write down what count bytes from offset on are now. */
static void note(int at, int fd, int64_t offset, int64_t count) {
  struct stat found;
  if (fstat(fd, &found)) abort();
  int64_t left = found.st_size - offset;
  int64_t head[3] = {offset, left < 0 ? 0 : left < count ? left : count, found.st_size};
  char *entry = malloc(sizeof head + head[1]);
  memcpy(entry, head, sizeof head);
  /* By this very descriptor: closing another one of the file would let go of the process's locks on it. */
  if (pread(fd, entry + sizeof head, head[1], offset) != head[1]) abort();
  if (real_pwrite(logs[at].fd, entry, sizeof head + head[1], logs[at].end) != (ssize_t)sizeof head + head[1]) abort();
  logs[at].end += sizeof head + head[1];
  free(entry);
}

ssize_t pwrite64(int fd, const void *data, size_t count, off_t offset) {
  pthread_mutex_lock(&lock);
  int at = log_of(fd);
  ssize_t done = -1;
  if (at >= 0 && is("full")) {
    errno = ENOSPC;
  } else {
    if (at >= 0) note(at, fd, offset, count);
    done = real_pwrite(fd, data, count, offset);
  }
  pthread_mutex_unlock(&lock);
  return done;
}

ssize_t pwrite(int fd, const void *data, size_t count, off_t offset) { return pwrite64(fd, data, count, offset); }

ssize_t write(int fd, const void *data, size_t count) {
  off_t offset = lseek(fd, 0, SEEK_CUR);
  if (offset < 0 || !real_pwrite) return real_write(fd, data, count);
  pthread_mutex_lock(&lock);
  int at = log_of(fd);
  if (at >= 0) {
    if (fcntl(fd, F_GETFL) & O_APPEND) offset = lseek(fd, 0, SEEK_END);
    note(at, fd, offset, count);
  }
  ssize_t done = real_write(fd, data, count);
  pthread_mutex_unlock(&lock);
  return done;
}

int ftruncate64(int fd, off_t size) {
  pthread_mutex_lock(&lock);
  int at = log_of(fd);
  if (at >= 0) note(at, fd, size, INT64_MAX - size);
  int done = real_ftruncate(fd, size);
  pthread_mutex_unlock(&lock);
  return done;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

static int sync_with(int (*real)(int), int fd) {
  pthread_mutex_lock(&lock);
  int at = log_of(fd);
  int64_t moot = at < 0 ? 0 : logs[at].end;
  pthread_mutex_unlock(&lock);
  if ((at >= 0 && is("broken")) || (at == A_FOLDER && is("folders"))) {
    errno = EIO;
    return -1;
  }
  int done = real(fd);
  pthread_mutex_lock(&lock);
  if (at >= 0 && !done && real_pwrite(logs[at].fd, &moot, sizeof moot, 0) != sizeof moot) abort();
  pthread_mutex_unlock(&lock);
  return done;
}

int fsync(int fd) { return sync_with(real_fsync, fd); }
int fdatasync(int fd) { return sync_with(real_fdatasync, fd); }
