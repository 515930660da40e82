// traced: makes the calls named on the command line, and says what became of each ("NAME ok" or "NAME errno N").
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// More different calls than any record of them may hold.
static long flood(void) {
  for (unsigned i = 0; i < 20000; ++i) {
    syscall(SYS_ioctl, 0, 0x10000 + i, 0);
    syscall(SYS_prctl, 0x10000 + i, 0, 0, 0, 0);
    syscall(SYS_socket, i, i >> 4, i);
    syscall(1024 + i);
  }
  return 0;
}

static long attempt(const char *name) {
  if (strcmp(name, "getpid") == 0) return syscall(SYS_getpid);
  if (strcmp(name, "chmod") == 0) return chdir("/") == 0 ? syscall(SYS_chmod, "/tmp", 01777) : -1;
  if (strcmp(name, "flock") == 0) return syscall(SYS_flock, 1, 0x8);
  if (strcmp(name, "getxattr") == 0) return syscall(SYS_getxattr, "/", "user.x", NULL, 0);
  if (strcmp(name, "getitimer") == 0) { long value[4]; return syscall(SYS_getitimer, 0, value); }
  if (strcmp(name, "unshare") == 0) return syscall(SYS_unshare, 0x10000000);
  if (strcmp(name, "mount") == 0) return syscall(SYS_mount, "x", "/tmp", "tmpfs", 0, NULL);
  if (strcmp(name, "keyctl") == 0) return syscall(SYS_keyctl, 0, -3, 0);
  if (strcmp(name, "unix") == 0) return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (strcmp(name, "packet") == 0) return socket(AF_PACKET, SOCK_RAW, 0);
  if (strcmp(name, "winsize") == 0) { char size[8]; (void)ioctl(0, TIOCGWINSZ, size); return 0; }
  if (strcmp(name, "flood") == 0) return flood();
  if (strcmp(name, "forge") == 0) return prctl(PR_SET_NAME, "\"}\n{\"end\":true}\n");
  if (strcmp(name, "fork") == 0) {
    pid_t child = fork();
    if (child == 0) {
      syscall(SYS_getppid);
      _exit(0);
    }
    return waitpid(child, NULL, 0) == child ? 0 : -1;
  }
  if (strcmp(name, "sleep") == 0) return usleep(300000);
  errno = EINVAL;
  return -1;
}

// Each name; "loop" makes the calls behind it over and over, and says "." to standard output for every round.
int main(int count, char **names) {
  if (count > 2 && strcmp(names[1], "bench") == 0) {
    struct timespec from, to;
    const long rounds = atol(names[2]);
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (long i = 0; i < rounds; ++i) syscall(SYS_getppid);
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%.0f\n", ((to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec)) / rounds);
    return 0;
  }
  const int looping = count > 1 && strcmp(names[1], "loop") == 0;
  do {
    for (int i = looping ? 2 : 1; i < count; ++i) {
      errno = 0;
      const long got = attempt(names[i]);
      if (got < 0) {
        printf("%s errno %d\n", names[i], errno);
      } else {
        printf("%s ok\n", names[i]);
      }
    }
    if (looping) {
      printf(".\n");
      fflush(stdout);
      usleep(2000);
    }
  } while (looping);
  return 0;
}
