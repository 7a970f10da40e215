// Definitions of file calls that a test binary puts before the C library's; see iofault.h. Each
// goes to the kernel itself, so nothing is looked up and sanitizers' wrappers do not matter.
#include "tests/iofault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static oi_fault fault;
static atomic_bool active, fired;
static atomic_long calls, transfers;

void oi_fault_set(const oi_fault *f) {
  active = false;
  fault = f ? *f : (oi_fault){0};
  calls = 0;
  transfers = 0;
  fired = false;
  active = f != NULL;
}
long oi_fault_calls(void) { return calls; }
bool oi_fault_fired(void) { return fired; }

// True where this call is to fail; errno is then set.
static bool fails(const char *name) {
  if (!active || (fault.only && strcmp(fault.only, name) != 0)) return false;
  long n = ++calls;
  if (!fault.at || n < fault.at || (n > fault.at && !fault.sticky)) return false;
  fired = true;
  errno = fault.error;
  return true;
}

static bool interrupted(void) {
  if (!active || !fault.interrupt || ++transfers % fault.interrupt != 0) return false;
  errno = EINTR;
  return true;
}

static size_t cut(size_t n) { return active && fault.most && n > fault.most ? fault.most : n; }

#define TRANSFER(name) \
  if (fails(name) || interrupted()) return -1

ssize_t read(int fd, void *out, size_t n) {
  TRANSFER("read");
  return syscall(SYS_read, fd, out, cut(n));
}
ssize_t pread(int fd, void *out, size_t n, off_t at) {
  TRANSFER("pread");
  return syscall(SYS_pread64, fd, out, cut(n), at);
}
ssize_t write(int fd, const void *data, size_t n) {
  if (fd <= 2) return syscall(SYS_write, fd, data, n);
  TRANSFER("write");
  return syscall(SYS_write, fd, data, cut(n));
}
ssize_t pwrite(int fd, const void *data, size_t n, off_t at) {
  TRANSFER("pwrite");
  return syscall(SYS_pwrite64, fd, data, cut(n), at);
}
int fsync(int fd) {
  TRANSFER("fsync");
  return (int)syscall(SYS_fsync, fd);
}

static int do_open(int folder, const char *path, int flags, unsigned mode) {
  return (int)syscall(SYS_openat, folder, path, flags, mode);
}
static unsigned mode_of(int flags, va_list args) {
  return flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, unsigned) : 0;
}
int open(const char *path, int flags, ...) {
  va_list args;
  va_start(args, flags);
  unsigned mode = mode_of(flags, args);
  va_end(args);
  return fails("open") ? -1 : do_open(AT_FDCWD, path, flags, mode);
}
int openat(int folder, const char *path, int flags, ...) {
  va_list args;
  va_start(args, flags);
  unsigned mode = mode_of(flags, args);
  va_end(args);
  return fails("openat") ? -1 : do_open(folder, path, flags, mode);
}
int fallocate(int fd, int mode, off_t at, off_t n) {
  return fails("fallocate") ? -1 : (int)syscall(SYS_fallocate, fd, mode, at, n);
}
int fchmod(int fd, mode_t mode) {
  return fails("fchmod") ? -1 : (int)syscall(SYS_fchmod, fd, mode);
}
int linkat(int from, const char *path, int to, const char *name, int flags) {
  return fails("linkat") ? -1 : (int)syscall(SYS_linkat, from, path, to, name, flags);
}
int renameat(int from, const char *path, int to, const char *name) {
  return fails("renameat") ? -1 : (int)syscall(SYS_renameat2, from, path, to, name, 0);
}
// A close that fails has closed all the same, as on Linux.
int close(int fd) {
  long bad = syscall(SYS_close, fd);
  return fails("close") ? -1 : (int)bad;
}
