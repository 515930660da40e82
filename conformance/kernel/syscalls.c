// syscalls: makes every system call of this kernel once, with arguments that no call accepts, each in a child of its own, and
// prints "NUMBER VERDICT": what the filter (or, behind it, the kernel) answered. Two runs differ where two filters do.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kLast = 470, kUnfinished = 200 };

struct probe {
  long number;
  unsigned long arguments[6];
};

// Those whose verdict depends on arguments in engines' profiles.
static const struct probe kWithArguments[] = {
    {SYS_personality, {0}},           {SYS_personality, {8}},          {SYS_personality, {0x20000}},
    {SYS_personality, {0x20008}},     {SYS_personality, {0xffffffff}}, {SYS_personality, {0x0040000}},
    {SYS_socket, {1, 1, 0}},          {SYS_socket, {2, 2, 0}},         {SYS_socket, {10, 1, 0}},
    {SYS_socket, {16, 3, 9}},         {SYS_socket, {17, 3, 0}},        {SYS_socket, {40, 1, 0}},
    {SYS_socket, {38, 5, 0}},         {SYS_unshare, {0}},              {SYS_unshare, {0x10000000}},
    {SYS_unshare, {0x00020000}},      {SYS_getpriority, {0, 0}},       {SYS_prctl, {38, 1, 0, 0, 0}},
    {SYS_ioctl, {0, 0x5412, 0}},      {SYS_ptrace, {0xffff, 0}},       {SYS_fanotify_init, {0, 0}},
    {SYS_perf_event_open, {0}},       {SYS_bpf, {0xffff}},             {SYS_setdomainname, {0, 0}},
    {SYS_delete_module, {0, 0}},      {SYS_settimeofday, {0, 0}},      {SYS_chroot, {0}},
};

// They end, block or duplicate the caller, or touch what is not the container's.
static int left_out(long number) {
  switch (number) {
    case SYS_fork: case SYS_vfork: case SYS_clone: case SYS_clone3: case SYS_exit: case SYS_exit_group: case SYS_pause:
    case SYS_rt_sigreturn: case SYS_rt_sigsuspend: case SYS_sync: case SYS_sched_setparam: case SYS_restart_syscall:
      return 1;
    default:
      return 0;
  }
}

static int attempt(const struct probe *probe) {
  const unsigned long *a = probe->arguments;
  errno = 0;
  return syscall(probe->number, a[0], a[1], a[2], a[3], a[4], a[5]) == -1 ? errno : 0;
}

static void report(const struct probe *probe) {
  static const struct timespec pause = {0, 1000000};
  int status = 0;
  const pid_t child = fork();
  if (child == 0) {
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    _exit(attempt(probe));
  }
  for (int i = 0; waitpid(child, &status, WNOHANG) == 0; ++i) {
    if (i == kUnfinished) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      printf("%ld blocks\n", probe->number);
      return;
    }
    nanosleep(&pause, NULL);
  }
  if (WIFSIGNALED(status)) {
    printf("%ld signal %d\n", probe->number, WTERMSIG(status));
  } else {
    printf("%ld errno %d\n", probe->number, WEXITSTATUS(status));
  }
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (long number = 0; number <= kLast; ++number) {
    struct probe probe = {number, {0}};
    memset(probe.arguments, 0xff, sizeof probe.arguments);
    if (!left_out(number)) {
      report(&probe);
    }
  }
  for (size_t i = 0; i < sizeof kWithArguments / sizeof *kWithArguments; ++i) {
    report(&kWithArguments[i]);
  }
  return 0;
}
