// attempt NAME...: tries one forbidden operation after the other and prints "NAME=ok" or "NAME=errno" for each.
// Static, so that it runs in any rootfs. The tests run it with and without the runtime's confinement.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_alg.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static long unshare_user(void) { return unshare(CLONE_NEWUSER); }
static long unshare_mount(void) { return unshare(CLONE_NEWNS); }
static long unshare_net(void) { return unshare(CLONE_NEWNET); }
static long mount_tmpfs(void) { return mount("tmpfs", "/mnt", "tmpfs", 0, NULL); }
static long umount_proc(void) { return umount2("/proc", MNT_DETACH); }
static long new_mount_api(void) { return syscall(SYS_fsopen, "tmpfs", 0U); }
static long clone_tree(void) { return syscall(428 /* open_tree */, AT_FDCWD, "/", 1U /* OPEN_TREE_CLONE */); }
static long pivot(void) { return syscall(SYS_pivot_root, "/", "/"); }
static long chroot_tmp(void) { return chroot("/tmp"); }
static long setns_self(void) { return setns(open("/proc/self/ns/uts", O_RDONLY), 0); }
static long bpf(void) {
  unsigned attributes[16] = {1, 4, 4, 1};  // BPF_MAP_TYPE_HASH with one 4-byte key and value
  return syscall(SYS_bpf, 0, attributes, sizeof attributes);
}
static long keyctl(void) { return syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -3, 0, 0, 0); }
static long add_key(void) { return syscall(SYS_add_key, "user", "nucleus-test", "x", 1UL, -2); }
static long packet_socket(void) { return socket(AF_PACKET, SOCK_RAW, 0x300); }
static long alg_socket(void) { return socket(AF_ALG, SOCK_SEQPACKET, 0); }
static long vsock_socket(void) { return socket(40 /* AF_VSOCK */, SOCK_STREAM, 0); }
static long raw_socket(void) { return socket(AF_INET, SOCK_RAW, 1); }
static long netlink_netfilter(void) { return socket(AF_NETLINK, SOCK_RAW, 12); }
static long push_input(void) { return ioctl(0, TIOCSTI, "x"); }
static long device_node(void) { return mknod("/tmp/attempt-node", S_IFCHR | 0600, makedev(1, 3)); }
static long handle_at(void) {
  char handle[64] = {8};
  return syscall(SYS_open_by_handle_at, open("/", O_RDONLY), handle, O_RDONLY) < 0 && errno == ESTALE ? 0 : -1;
}
static long perf(void) {
  char attributes[128] = {1, 0, 0, 0, (char)sizeof attributes};  // PERF_TYPE_SOFTWARE
  return syscall(SYS_perf_event_open, attributes, 0, -1, -1, 0);
}
static long uring(void) {
  char parameters[128] = {0};
  return syscall(425 /* io_uring_setup */, 1U, parameters);
}
static long userfault(void) { return syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */); }
static long clone3_user(void) {
  unsigned long arguments[8] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD};
  const long pid = syscall(SYS_clone3, arguments, sizeof arguments);
  if (pid == 0) {
    _exit(0);
  }
  return pid;
}
static long clone_user(void) {
  const long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) {
    _exit(0);
  }
  return pid;
}
static long raise_hostname(void) { return sethostname("taken", 5); }
static long set_clock(void) {
  long time[2] = {0, 0};
  syscall(SYS_clock_gettime, 0, time);
  return syscall(SYS_clock_settime, 0, time);
}

static long trace_sibling(void) {
  const pid_t sibling = fork();
  if (sibling == 0) {
    for (;;) {
      pause();
    }
  }
  const long traced = ptrace(PTRACE_SEIZE, sibling, NULL, NULL);
  const int reason = errno;
  kill(sibling, SIGKILL);
  waitpid(sibling, NULL, 0);
  errno = reason;
  return traced;
}
static long read_sibling(void) {
  char here[8] = "secret", there[8];
  const pid_t sibling = fork();
  if (sibling == 0) {
    for (;;) {
      pause();
    }
  }
  struct {
    void* base;
    size_t length;
  } local = {there, sizeof there}, remote = {here, sizeof here};
  const long got = syscall(SYS_process_vm_readv, sibling, &local, 1UL, &remote, 1UL, 0UL);
  const int reason = errno;
  kill(sibling, SIGKILL);
  waitpid(sibling, NULL, 0);
  errno = reason;
  return got;
}

static const struct {
  const char* name;
  long (*attempt)(void);
} kAttempts[] = {{"unshare_user", unshare_user},
                 {"unshare_mount", unshare_mount},
                 {"unshare_net", unshare_net},
                 {"clone_user", clone_user},
                 {"clone3_user", clone3_user},
                 {"setns", setns_self},
                 {"mount", mount_tmpfs},
                 {"umount", umount_proc},
                 {"fsopen", new_mount_api},
                 {"open_tree", clone_tree},
                 {"pivot_root", pivot},
                 {"chroot", chroot_tmp},
                 {"ptrace", trace_sibling},
                 {"process_vm_readv", read_sibling},
                 {"bpf", bpf},
                 {"keyctl", keyctl},
                 {"add_key", add_key},
                 {"af_packet", packet_socket},
                 {"af_alg", alg_socket},
                 {"af_vsock", vsock_socket},
                 {"raw_socket", raw_socket},
                 {"netlink_netfilter", netlink_netfilter},
                 {"tiocsti", push_input},
                 {"mknod", device_node},
                 {"open_by_handle_at", handle_at},
                 {"perf_event_open", perf},
                 {"io_uring_setup", uring},
                 {"userfaultfd", userfault},
                 {"sethostname", raise_hostname},
                 {"clock_settime", set_clock}};

// In a child: what succeeds must not change what the next attempt finds.
static int report(const char* name, long (*attempt)(void)) {
  const pid_t pid = fork();
  if (pid == 0) {
    errno = 0;
    if (attempt() >= 0) {
      printf("%s=ok\n", name);
    } else {
      printf("%s=%s\n", name, strerrorname_np(errno));
    }
    fflush(stdout);
    _exit(0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (WIFSIGNALED(status)) {
    printf("%s=signal %d\n", name, WTERMSIG(status));
    fflush(stdout);
  }
  return status;
}

int main(int argc, char** argv) {
  for (unsigned i = 0; i < sizeof kAttempts / sizeof *kAttempts; ++i) {
    int wanted = argc < 2;
    for (int k = 1; k < argc; ++k) {
      wanted |= strcmp(argv[k], kAttempts[i].name) == 0;
    }
    if (wanted) {
      report(kAttempts[i].name, kAttempts[i].attempt);
    }
  }
  return 0;
}
