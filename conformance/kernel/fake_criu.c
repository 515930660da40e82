/* A criu for tests: `dump` writes what it was told; `restore` makes a process by hand, stopped as criu would leave it, which
 * is what the file "behaviour" of the image's directory says: words of
 *
 *   fail       an error in the log, status 1        nothing    success, but no process
 *   foreign    success, process 1 is said to be it  host       the process is simply a copy of criu
 *   running    it is not stopped                    keep-caps, keep-privs, keep-net, real-time, elsewhere (another root),
 *   descriptor (of the host's /), thread (with new privileges), child (with all capabilities): everything else is right
 *   status=N   once it goes on, it ends with N
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { kReady = 40 };  /* the pipe on which the process says that it can be stopped */
static char behaviour[256];
static const char *images = "", *work = "", *root = "", *pidfile = "", *log_name = "criu.log";

static int is(const char *word) { return strstr(behaviour, word) != NULL; }

static void spill(const char *directory, const char *name, const char *text) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  FILE *file = fopen(path, "w");
  if (file == NULL) _exit(9);
  fputs(text, file);
  fclose(file);
}

static void read_behaviour(void) {
  char path[4096];
  snprintf(path, sizeof path, "%s/behaviour", images);
  FILE *file = fopen(path, "r");
  if (file != NULL) {
    if (fgets(behaviour, sizeof behaviour, file) == NULL) behaviour[0] = 0;
    fclose(file);
  }
}

static void check(int failed, const char *what) {
  if (failed) {
    perror(what);
    _exit(8);
  }
}

static void *idle(void *unused) {
  for (;;) pause();
  return unused;
}

static void confine(void) {
  pthread_t thread;
  if (!is("keep-caps")) {
    for (int cap = 0; cap < 64; ++cap) prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
  }
  if (is("real-time")) {
    const struct sched_param parameter = {.sched_priority = 1};
    check(sched_setscheduler(0, SCHED_FIFO, &parameter) != 0, "sched_setscheduler");
  }
  if (is("child") && fork() == 0) {
    raise(SIGSTOP);
    idle(NULL);
  }
  if (!is("keep-caps")) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2];
    memset(none, 0, sizeof none);
    check(syscall(SYS_capset, &header, none) != 0, "capset");
  }
  if (is("thread")) check(pthread_create(&thread, NULL, idle, NULL) != 0, "pthread_create");
  if (!is("keep-privs")) check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0, "no_new_privs");
}

/* With a file system that has nothing but this program. */
static void cover_root(void) {
  const int self = open("/proc/self/exe", O_RDONLY);
  check(mount("none", root, "tmpfs", 0, NULL) != 0, "mount");
  const int there = open(root, O_PATH | O_DIRECTORY);
  check(mkdirat(there, "bin", 0755) != 0, "mkdir");
  const int copy = openat(there, "bin/fake_criu", O_WRONLY | O_CREAT, 0755);
  while (sendfile(copy, self, NULL, 1 << 20) > 0) {
  }
  close(copy);
  close(there);
  close(self);
}

static void enter_root(void) {
  if (is("elsewhere")) cover_root();
  check(chdir(root) != 0, "chdir");
  if (is("descriptor")) check(open("/", O_RDONLY | O_DIRECTORY) < 0, "open");
  check(syscall(SYS_pivot_root, ".", ".") != 0, "pivot_root");
  check(umount2(".", MNT_DETACH) != 0, "umount");
  check(chdir("/") != 0, "chdir");
}

static volatile sig_atomic_t goes_on;

static void continued(int number) { goes_on = number; }

/* The first process of a pid namespace cannot stop itself. */
static void pause_until_continued(void) {
  while (!goes_on) usleep(1000);
}

/* As the program of the container, which has a copy of this one. */
static int be_restored(void) {
  const char *status = strstr(behaviour, "status=");
  signal(SIGCONT, continued);
  confine();
  check(write(kReady, "r", 1) != 1, "tell that it is ready");
  close(kReady);
  pause_until_continued();
  while (status == NULL) pause();
  return atoi(status + strlen("status="));
}

static void become_restored(void) {
  if (is("host")) {
    const int here = open(work, O_PATH | O_DIRECTORY);
    signal(SIGCONT, continued);
    check(write(kReady, "r", 1) != 1, "tell that it is ready");
    pause_until_continued();
    close(openat(here, "escaped", O_WRONLY | O_CREAT, 0600));
    idle(NULL);
  }
  for (int fd = 0; fd < 64; ++fd) {
    if (fd != kReady) close(fd);
  }
  enter_root();
  execl("/bin/fake_criu", "fake_criu", "restored", behaviour, NULL);
  _exit(7);
}

static int restore(void) {
  char text[32];
  long flags = CLONE_PARENT | SIGCHLD;
  if (is("nothing")) return 0;
  if (!is("host")) {
    flags |= CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | (is("keep-net") ? 0 : CLONE_NEWNET);
  }
  int ends[2];
  check(pipe(ends) != 0 || dup2(ends[1], kReady) != kReady, "pipe");
  const long pid = syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
  check(pid < 0, "clone");
  if (pid == 0) become_restored();
  FILE *file = fopen(pidfile, "w");
  check(file == NULL, "pidfile");
  snprintf(text, sizeof text, "%ld", is("foreign") ? 1 : pid);
  fputs(text, file);
  fclose(file);
  close(ends[1]);
  close(kReady);
  check(read(ends[0], text, 1) != 1, "wait for the process");
  if (!is("running")) check(kill(pid, SIGSTOP) != 0, "stop it");
  return 0;
}

static void take(const char *word, const char *option, const char **value) {
  if (strncmp(word, option, strlen(option)) == 0) *value = word + strlen(option);
}

int main(int argc, char **argv) {
  char words[16384] = "";
  if (argc == 3 && strcmp(argv[1], "restored") == 0) {
    snprintf(behaviour, sizeof behaviour, "%s", argv[2]);
    return be_restored();
  }
  for (int i = 1; i < argc; ++i) {
    strncat(words, argv[i], sizeof words - strlen(words) - 2);
    strcat(words, "\n");
    take(argv[i], "--images-dir=", &images);
    take(argv[i], "--work-dir=", &work);
    take(argv[i], "--root=", &root);
    take(argv[i], "--pidfile=", &pidfile);
    take(argv[i], "--log-file=", &log_name);
  }
  if (*work == 0) work = images;
  read_behaviour();
  spill(work, "argv", words);
  spill(work, "path", getenv("PATH") == NULL ? "" : getenv("PATH"));
  if (is("fail")) {
    spill(work, log_name, "(00.1) all is well\n(00.2)  1: Error (criu/x.c:1): the sky is falling\n(00.3) Error (criu/y.c:2): so\n");
    return 1;
  }
  return argc > 1 && strcmp(argv[1], "restore") == 0 ? restore() : 0;
}
