/*
 * Preloaded into the tortured program (LD_PRELOAD): counts the calls by which it changes what is on disk in one folder, and
 * strikes at the n-th one of a thread. A short write really writes what it says it wrote.
 *
 *   HANSARD_STRIKE_FOLDER  only calls on what lies in it count
 *   HANSARD_STRIKE_CALLS   which count: any of the letters w (writes), s (synchronisations), n (names and lengths)
 *   HANSARD_STRIKE_THREAD  the thread to strike: main, pool, or the name of a worker
 *   HANSARD_STRIKE_AT      its n-th call, from 1; 0 only logs every call that counts
 *   HANSARD_STRIKE_ACT     kill, stop, eio, enospc, half (of the bytes are written) or byte (one byte is written)
 *   HANSARD_STRIKE_LOG     file of lines "thread<TAB>call<TAB>path": every call, or the one that was struck
 *
 * Threads are told apart because the n-th call of one thread is the same call in every run, while the n-th call of the
 * process depends on how the threads happened to take turns. The pool's threads count as one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PATH_BYTES 4096
#define MOST_THREADS 64
#define MOST_VECTORS 1024

struct thread {
  char name[16];
  long calls;
};

static struct thread threads[MOST_THREADS];
static int thread_count;
static __thread struct thread *own;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const char *folder, *kinds, *struck_thread, *act;
static long at;
static int log_file = -1;

__attribute__((constructor)) static void start(void) {
  const char *log = getenv("HANSARD_STRIKE_LOG"), *number = getenv("HANSARD_STRIKE_AT");
  kinds = getenv("HANSARD_STRIKE_CALLS");
  struck_thread = getenv("HANSARD_STRIKE_THREAD");
  act = getenv("HANSARD_STRIKE_ACT");
  at = number ? atol(number) : 0;
  if (log) log_file = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (kinds && log_file >= 0) folder = getenv("HANSARD_STRIKE_FOLDER");
}

/* What lies in the folder, relative to it; NULL for everything else. */
static const char *inside(const char *path) {
  size_t length = folder ? strlen(folder) : 0;
  if (length == 0 || path == NULL || strncmp(path, folder, length) != 0) return NULL;
  return path[length] == '/' ? path + length + 1 : path[length] == '\0' ? "." : NULL;
}

/* The pool's threads share their work; a worker has a name of its own. */
static void name_thread(char name[16]) {
  if (syscall(SYS_gettid) == getpid()) {
    strcpy(name, "main");
    return;
  }
  prctl(PR_GET_NAME, name);
  if (strcmp(name, "libuv-worker") == 0) strcpy(name, "pool");
}

static struct thread *this_thread(void) {
  char name[16] = "";
  if (own) return own;
  name_thread(name);
  for (int index = 0; index < thread_count && !own; index += 1)
    if (strcmp(threads[index].name, name) == 0) own = &threads[index];
  if (!own && thread_count < MOST_THREADS) {
    own = &threads[thread_count++];
    strcpy(own->name, name);
  }
  return own;
}

static void note(const struct thread *thread, const char *call, const char *path) {
  char line[PATH_BYTES + 512];
  int length = snprintf(line, sizeof line, "%s\t%s\t%s\n", thread->name, call, path);
  syscall(SYS_write, log_file, line, length);
}

/* Whether this call is the one to strike. A process that is killed or stopped never returns from here. */
static int strikes(char kind, const char *call, const char *path) {
  int hit = 0, saved = errno;
  const char *relative = inside(path);
  if (!relative || !strchr(kinds, kind)) return 0;
  pthread_mutex_lock(&lock);
  struct thread *thread = this_thread();
  if (thread) {
    thread->calls += 1;
    hit = at > 0 && thread->calls == at && struck_thread && strcmp(struck_thread, thread->name) == 0;
    if (at == 0 || hit) note(thread, call, relative);
    if (hit && (strcmp(act, "kill") == 0 || strcmp(act, "stop") == 0)) {
      syscall(SYS_kill, getpid(), strcmp(act, "kill") == 0 ? SIGKILL : SIGSTOP);
      for (;;) pause();
    }
  }
  pthread_mutex_unlock(&lock);
  errno = saved;
  return hit;
}

static int strikes_file(char kind, const char *call, int file) {
  char link[64], path[PATH_BYTES];
  if (!folder || !strchr(kinds, kind)) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = '\0';
  return strikes(kind, call, path);
}

static int fails(void) {
  errno = strcmp(act, "enospc") == 0 ? ENOSPC : EIO;
  return -1;
}

/* How many of the bytes a struck write may write; 0 where it fails. */
static size_t allowed(size_t bytes) {
  if (strcmp(act, "byte") == 0) return bytes > 1 ? 1 : bytes;
  if (strcmp(act, "half") == 0) return bytes > 1 ? bytes / 2 : bytes;
  return 0;
}

static ssize_t write_bytes(const char *call, int file, const void *bytes, size_t size, off_t offset) {
  if (strikes_file('w', call, file)) {
    if (allowed(size) == 0) return fails();
    size = allowed(size);
  }
  return offset < 0 ? syscall(SYS_write, file, bytes, size) : syscall(SYS_pwrite64, file, bytes, size, offset);
}

static ssize_t write_vectors(const char *call, int file, const struct iovec *vectors, int count, off_t offset) {
  struct iovec some[MOST_VECTORS];
  if (count > 0 && count <= MOST_VECTORS && strikes_file('w', call, file)) {
    size_t size = 0;
    for (int index = 0; index < count; index += 1) size += vectors[index].iov_len;
    size_t left = allowed(size);
    if (left == 0) return fails();
    int used = 0;
    for (; used < count && left > 0; used += 1) {
      some[used] = vectors[used];
      if (some[used].iov_len > left) some[used].iov_len = left;
      left -= some[used].iov_len;
    }
    vectors = some;
    count = used;
  }
  return offset < 0 ? syscall(SYS_writev, file, vectors, count) : syscall(SYS_pwritev, file, vectors, count, offset, 0);
}

ssize_t write(int file, const void *bytes, size_t size) { return write_bytes("write", file, bytes, size, -1); }

ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset) {
  return write_bytes("pwrite64", file, bytes, size, offset);
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t offset) {
  return write_bytes("pwrite64", file, bytes, size, offset);
}

ssize_t writev(int file, const struct iovec *vectors, int count) {
  return write_vectors("writev", file, vectors, count, -1);
}

ssize_t pwritev(int file, const struct iovec *vectors, int count, off_t offset) {
  return write_vectors("pwritev", file, vectors, count, offset);
}

ssize_t pwritev64(int file, const struct iovec *vectors, int count, off64_t offset) {
  return write_vectors("pwritev", file, vectors, count, offset);
}

int fsync(int file) { return strikes_file('s', "fsync", file) ? fails() : syscall(SYS_fsync, file); }

int fdatasync(int file) { return strikes_file('s', "fdatasync", file) ? fails() : syscall(SYS_fdatasync, file); }

int ftruncate(int file, off_t length) {
  return strikes_file('n', "ftruncate", file) ? fails() : syscall(SYS_ftruncate, file, length);
}

int ftruncate64(int file, off64_t length) {
  return strikes_file('n', "ftruncate", file) ? fails() : syscall(SYS_ftruncate, file, length);
}

int mkdir(const char *path, mode_t mode) {
  return strikes('n', "mkdir", path) ? fails() : syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int unlink(const char *path) {
  return strikes('n', "unlink", path) ? fails() : syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int link(const char *from, const char *to) {
  return strikes('n', "link", to) ? fails() : syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int rename(const char *from, const char *to) {
  return strikes('n', "rename", to) ? fails() : syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}
