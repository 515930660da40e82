// probe NAME...: tries each named attack in a process of its own and prints one line for it:
//   NAME ok | NAME ERRNO-NAME | NAME killed SIGNAL-NUMBER
// Static and without a thread, so that it runs in any rootfs. Every attack is made to succeed for a privileged process
// without a filter; where success would hurt the machine (kexec, modules, reboot) the arguments are invalid, so that
// "no defence" reads EINVAL or the like and the defence reads as a death or ENOSYS.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

// 0, or -errno.
static long result_of(long value) { return value < 0 ? -errno : 0; }

#define CALL(...) result_of(syscall(__VA_ARGS__))

// A child that sleeps until it is killed: what sibling attacks aim at.
static pid_t sleeper(void) {
  const pid_t pid = fork();
  if (pid == 0) {
    for (;;) {
      pause();
    }
  }
  return pid;
}

static void end(pid_t pid) {
  kill(pid, SIGKILL);
  waitpid(pid, NULL, __WALL);
}

// ---- other processes --------------------------------------------------------------------------------------------------

static long ptrace_attach(void) {
  const pid_t pid = sleeper();
  const long result = result_of(ptrace(PTRACE_ATTACH, pid, NULL, NULL));
  end(pid);
  return result;
}

static long ptrace_traceme(void) { return result_of(ptrace(PTRACE_TRACEME, 0, NULL, NULL)); }

static long vm_read(void) {
  const pid_t pid = sleeper();
  static int word;
  int copy = 0;
  const struct iovec here = {&copy, sizeof copy};
  const struct iovec there = {&word, sizeof word};
  const long result = CALL(SYS_process_vm_readv, pid, &here, 1, &there, 1, 0);
  end(pid);
  return result;
}

static long pidfd_getfd_of_sibling(void) {
  const pid_t pid = sleeper();
  const int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  const long result = pidfd < 0 ? -errno : CALL(438 /* pidfd_getfd */, pidfd, 0, 0);
  end(pid);
  return result;
}

static long kcmp_self(void) { return CALL(SYS_kcmp, getpid(), getpid(), 0, 0, 0); }

// ---- namespaces and mounts --------------------------------------------------------------------------------------------

static long unshare_user(void) { return result_of(unshare(CLONE_NEWUSER)); }
static long unshare_mount(void) { return result_of(unshare(CLONE_NEWNS)); }

static long clone_user(void) {
  const long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) {
    _exit(0);
  }
  return result_of(pid);
}

// The fallback that a filter forces is clone; what must not happen is a namespace through the unfiltered struct.
static long clone3_user(void) {
  unsigned long long args[8] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD, 0, 0, 0};
  const long pid = syscall(435 /* clone3 */, args, sizeof args);
  if (pid == 0) {
    _exit(0);
  }
  return result_of(pid);
}

static long setns_self(void) {
  const int fd = open("/proc/self/ns/uts", O_RDONLY);
  return fd < 0 ? -errno : result_of(setns(fd, CLONE_NEWUTS));
}

static long mount_tmpfs(void) { return result_of(mount("tmpfs", "/tmp", "tmpfs", 0, NULL)); }
static long mount_proc(void) { return result_of(mount("proc", "/tmp", "proc", 0, NULL)); }
static long remount_rw(void) { return result_of(mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL)); }
static long bind_root(void) { return result_of(mount("/", "/tmp", NULL, MS_BIND, NULL)); }
static long umount_proc_sys(void) { return result_of(umount2("/proc/sys", MNT_DETACH)); }
static long fsopen_tmpfs(void) { return CALL(430 /* fsopen */, "tmpfs", 0); }
static long open_tree_clone(void) { return CALL(428 /* open_tree */, AT_FDCWD, "/", 1 /* OPEN_TREE_CLONE */); }
static long mount_setattr_root(void) {
  unsigned long long attributes[4] = {0, 0, 0, 0};
  return CALL(442 /* mount_setattr */, AT_FDCWD, "/", 0, attributes, sizeof attributes);
}
static long chroot_tmp(void) { return result_of(chroot("/tmp")); }

// ---- devices and files ------------------------------------------------------------------------------------------------

// Made in /tmp, or at least opened: "ok" when any host disk could be read.
static long mknod_disk(void) {
  const char* path = "/tmp/probe-disk";
  unlink(path);
  const long result = result_of(mknod(path, S_IFBLK | 0600, makedev(254, 0)));
  unlink(path);
  return result;
}

static long mknod_mem(void) {
  const char* path = "/tmp/probe-mem";
  unlink(path);
  const long result = result_of(mknod(path, S_IFCHR | 0600, makedev(1, 1)));
  unlink(path);
  return result;
}

static long handle(const char* name, int then_open) {
  struct {
    struct file_handle head;
    unsigned char bytes[128];
  } buffer;
  memset(&buffer, 0, sizeof buffer);
  buffer.head.handle_bytes = sizeof buffer.bytes;
  int mount_id = 0;
  if (syscall(SYS_name_to_handle_at, AT_FDCWD, name, &buffer, &mount_id, 0) < 0) {
    if (!then_open) {
      return -errno;
    }
    // Shocker (2014): the handle of the root inode of ext4, guessed.
    buffer.head.handle_bytes = 8;
    buffer.head.handle_type = 1;
    buffer.bytes[0] = 2;
  }
  if (!then_open) {
    return 0;
  }
  const int directory = open("/", O_RDONLY | O_DIRECTORY);
  return CALL(SYS_open_by_handle_at, directory, &buffer, O_RDONLY);
}
static long open_by_handle(void) { return handle("/tmp", 1); }
static long name_to_handle(void) { return handle("/tmp", 0); }

static long memfd_exec(void) {
  const int fd = (int)syscall(SYS_memfd_create, "probe", 0);
  if (fd < 0) {
    return -errno;
  }
  return CALL(SYS_execveat, fd, "", NULL, NULL, AT_EMPTY_PATH);
}

static long chmod_setuid(void) {
  const int fd = open("/tmp/probe-suid", O_CREAT | O_WRONLY, 0755);
  return fd < 0 ? -errno : result_of(fchmod(fd, 04755));
}

// ---- sockets and ioctls -----------------------------------------------------------------------------------------------

static long socket_of(int family, int type, int protocol) { return result_of(socket(family, type, protocol)); }
static long packet_socket(void) { return socket_of(17, SOCK_RAW, htons(3)); }
static long alg_socket(void) { return socket_of(38, SOCK_SEQPACKET, 0); }
static long vsock_socket(void) { return socket_of(40, SOCK_STREAM, 0); }
static long raw_socket(void) { return socket_of(AF_INET, SOCK_RAW, 1); }
static long netlink_audit(void) { return socket_of(AF_NETLINK, SOCK_RAW, 9); }
static long netlink_netfilter(void) { return socket_of(AF_NETLINK, SOCK_RAW, 12); }
static long netlink_xfrm(void) { return socket_of(AF_NETLINK, SOCK_RAW, 6); }
static long unix_socket(void) { return socket_of(AF_UNIX, SOCK_STREAM, 0); }

static long tiocsti(void) {
  setsid();
  const int master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
  int unlock = 0;
  if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) != 0) {
    return -errno;
  }
  const int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
  // Without a terminal of its own the plain request still tells a filter (ENOSYS) from none (ENOTTY).
  if (slave >= 0) {
    ioctl(slave, TIOCSCTTY, 0);
  }
  return result_of(ioctl(slave >= 0 ? slave : 0, TIOCSTI, "x"));
}

static long tioclinux(void) {
  char sub = 11;
  return result_of(ioctl(0, TIOCLINUX, &sub));
}

// The upper half of the request is ignored by the kernel; a filter that compares 64 bits is walked around (CVE-2019-10063).
static long tiocsti_upper_half(void) {
  return CALL(SYS_ioctl, 0, 0x100000000UL | TIOCSTI, "x");
}

// ---- kernel surface ---------------------------------------------------------------------------------------------------

static long bpf_map(void) {
  unsigned attributes[16] = {1 /* hash */, 4, 4, 1};
  return CALL(SYS_bpf, 0, attributes, sizeof attributes);
}
static long bpf_load(void) {
  const unsigned long long program[2] = {0xb7, 0x95};  // r0 = 0; exit
  unsigned long long attributes[8] = {1ULL | 2ULL << 32, (unsigned long)program, (unsigned long)"GPL"};
  return CALL(SYS_bpf, 5, attributes, sizeof attributes);
}
static long keyctl_session(void) { return CALL(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0); }
static long add_key_user(void) { return CALL(SYS_add_key, "user", "probe", "x", 1, KEY_SPEC_PROCESS_KEYRING); }
static long userfault(void) { return CALL(SYS_userfaultfd, 0); }
static long io_uring(void) {
  unsigned char parameters[120] = {0};
  return CALL(425 /* io_uring_setup */, 1, parameters);
}
static long perf_event(void) {
  struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE, .size = sizeof attributes};
  return CALL(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
}
static long fanotify(void) { return CALL(SYS_fanotify_init, 0, 0); }
static long syslog_read(void) {
  char line[64];
  return CALL(SYS_syslog, 3, line, sizeof line);
}
static long modify_ldt_read(void) {
  char table[16];
  return CALL(SYS_modify_ldt, 0, table, sizeof table);
}
static long no_aslr(void) { return CALL(SYS_personality, ADDR_NO_RANDOMIZE); }
static long vmsplice_pipe(void) {
  int ends[2];
  const struct iovec one = {"x", 1};
  return pipe(ends) != 0 ? -errno : CALL(SYS_vmsplice, ends[1], &one, 1, 0);
}
static long iopl_3(void) { return result_of(iopl(3)); }
static long set_hostname(void) { return result_of(sethostname("owned", 5)); }
static long swapoff_nothing(void) { return CALL(SYS_swapoff, "/nonexistent"); }
static long acct_off(void) { return CALL(SYS_acct, "/nonexistent"); }
static long settime(void) {
  const long bad[2] = {-1, -1};
  return CALL(SYS_clock_settime, 0, bad);
}
static long quotactl_nothing(void) { return CALL(SYS_quotactl, 0, NULL, 0, NULL); }
static long reboot_bad_magic(void) { return CALL(SYS_reboot, 0, 0, 0, 0); }

// Killed by the shipped filter: nothing legitimate in a container calls these.
static long kexec_load_bad(void) { return CALL(SYS_kexec_load, 0, 0, NULL, ~0UL); }
static long kexec_file_bad(void) { return CALL(SYS_kexec_file_load, -1, -1, 0, NULL, ~0UL); }
static long init_module_bad(void) { return CALL(SYS_init_module, NULL, 0, ""); }
static long finit_module_bad(void) { return CALL(SYS_finit_module, -1, "", 0); }
static long delete_module_bad(void) { return CALL(SYS_delete_module, "no_such_module", O_NONBLOCK); }

// A filter written for x86_64 alone must not be walked around through another entry of the kernel.
static long int80_getpid(void) {
  long result = 20;  // __NR_getpid of i386
  __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
  return result < 0 ? result : 0;
}
static long x32_getpid(void) { return CALL(0x40000000 | SYS_getpid); }

// ---- what a set-user-ID program would change -----------------------------------------------------------------------------

static long setuid_other(void) { return result_of(setuid(12345)); }

static const struct {
  const char* name;
  long (*run)(void);
} kAttacks[] = {
#define ATTACK(function) {#function, function}
    ATTACK(ptrace_attach), ATTACK(ptrace_traceme), ATTACK(vm_read), ATTACK(pidfd_getfd_of_sibling), ATTACK(kcmp_self),
    ATTACK(unshare_user), ATTACK(unshare_mount), ATTACK(clone_user), ATTACK(clone3_user), ATTACK(setns_self),
    ATTACK(mount_tmpfs), ATTACK(mount_proc), ATTACK(remount_rw), ATTACK(bind_root), ATTACK(umount_proc_sys),
    ATTACK(fsopen_tmpfs), ATTACK(open_tree_clone), ATTACK(mount_setattr_root), ATTACK(chroot_tmp),
    ATTACK(mknod_disk), ATTACK(mknod_mem), ATTACK(open_by_handle), ATTACK(name_to_handle), ATTACK(memfd_exec),
    ATTACK(chmod_setuid), ATTACK(packet_socket), ATTACK(alg_socket), ATTACK(vsock_socket), ATTACK(raw_socket),
    ATTACK(netlink_audit), ATTACK(netlink_netfilter), ATTACK(netlink_xfrm), ATTACK(unix_socket), ATTACK(tiocsti),
    ATTACK(tioclinux), ATTACK(tiocsti_upper_half), ATTACK(bpf_map), ATTACK(bpf_load), ATTACK(keyctl_session),
    ATTACK(add_key_user), ATTACK(userfault), ATTACK(io_uring), ATTACK(perf_event), ATTACK(fanotify),
    ATTACK(syslog_read), ATTACK(modify_ldt_read), ATTACK(no_aslr), ATTACK(vmsplice_pipe), ATTACK(iopl_3),
    ATTACK(set_hostname), ATTACK(swapoff_nothing), ATTACK(acct_off), ATTACK(settime), ATTACK(quotactl_nothing),
    ATTACK(reboot_bad_magic), ATTACK(kexec_load_bad), ATTACK(kexec_file_bad), ATTACK(init_module_bad),
    ATTACK(finit_module_bad), ATTACK(delete_module_bad), ATTACK(int80_getpid), ATTACK(x32_getpid),
    ATTACK(setuid_other),
#undef ATTACK
};

// ---- attacks with arguments: the rest of the command line --------------------------------------------------------------------

// connect-abstract NAME: to a unix socket without a path, which only the network namespace keeps apart.
static long connect_abstract(const char* name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const size_t length = strlen(name);
  if (length + 1 > sizeof address.sun_path) {
    return -ENAMETOOLONG;
  }
  memcpy(address.sun_path + 1, name, length);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) {
    return -errno;
  }
  const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
  return result_of(connect(fd, (const struct sockaddr*)&address, size));
}

// open-write PATH: the first step of overwriting it.
static long open_write(const char* path) {
  const int fd = open(path, O_WRONLY);
  return fd < 0 ? -errno : 0;
}

static long open_read(const char* path) {
  const int fd = open(path, O_RDONLY | O_NONBLOCK);
  char byte;
  return fd < 0 || read(fd, &byte, 1) < 0 ? -errno : 0;
}

static void print_result(const char* name, long result) {
  if (result == 0) {
    printf("%s ok\n", name);
  } else {
    printf("%s %s\n", name, strerrorname_np((int)-result));
  }
  fflush(stdout);
}

static void attempt(const char* name, long (*attack)(void)) {
  fflush(stdout);
  const pid_t pid = fork();
  if (pid == 0) {
    print_result(name, attack());
    _exit(0);
  }
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) < 0) {
    print_result(name, -errno);
  } else if (WIFSIGNALED(status)) {
    printf("%s killed %d\n", name, WTERMSIG(status));
  }
}

// What a set-user-ID copy of this program became.
static int show_ids(void) {
  printf("ids %d %d %d %d\n", getuid(), geteuid(), getgid(), getegid());
  return 0;
}

static int run_with_argument(const char* verb, const char* argument) {
  static const struct {
    const char* verb;
    long (*run)(const char*);
  } kVerbs[] = {{"connect-abstract", connect_abstract}, {"open-write", open_write}, {"open-read", open_read}};
  for (size_t i = 0; i < sizeof kVerbs / sizeof *kVerbs; ++i) {
    if (strcmp(verb, kVerbs[i].verb) == 0) {
      print_result(argument, kVerbs[i].run(argument));
      return 0;
    }
  }
  return -1;
}

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "show-ids") == 0) {
    return show_ids();
  }
  if (argc >= 3 && run_with_argument(argv[1], argv[2]) == 0) {
    for (int i = 3; i < argc; ++i) {
      run_with_argument(argv[1], argv[i]);
    }
    return 0;
  }
  const int all = argc == 2 && strcmp(argv[1], "all") == 0;
  for (size_t i = 0; i < sizeof kAttacks / sizeof *kAttacks; ++i) {
    int wanted = all;
    for (int j = 1; j < argc; ++j) {
      wanted = wanted || strcmp(argv[j], kAttacks[i].name) == 0;
    }
    if (wanted) {
      attempt(kAttacks[i].name, kAttacks[i].run);
    }
  }
  return 0;
}
