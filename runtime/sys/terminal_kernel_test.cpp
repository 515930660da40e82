#include "runtime/sys/terminal.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>

#include "runtime/base/io.hpp"
#include "runtime/sys/kernel_test_support.hpp"
#include "runtime/sys/socket.hpp"
#include "runtime/sys/terminal_relay.hpp"

namespace nucleus::sys {
namespace {

namespace fs = std::filesystem;

// A root directory with its own devpts.
RootDir make_root(const test::TempDir& temp) {
  fs::create_directories(temp / "dev/pts");
  EXPECT_EQ(::mount("devpts", (temp / "dev/pts").c_str(), "devpts", 0, "newinstance,ptmxmode=0666,mode=0620"), 0);
  return std::move(*RootDir::open_host(temp.path()));
}

TEST(Terminal, OfTheContainersOwnDevpts) {
  const test::TempDir temp;
  test::in_child(CLONE_NEWNS, [&] {
    const RootDir root = make_root(temp);
    ASSERT_OK_ASSIGN(const Terminal terminal, open_terminal(root));
    EXPECT_EQ(terminal.name, "/dev/pts/0");
    ASSERT_OK(set_window_size(terminal.master.get(), {33, 99}));
    EXPECT_EQ(window_size(terminal.peer.get()).value().columns, 99);
    ASSERT_OK(bind_console(root, terminal.peer.get()));
    struct stat console {};
    struct stat peer {};
    ASSERT_EQ(::stat((temp / "dev/console").c_str(), &console), 0);
    ASSERT_EQ(::fstat(terminal.peer.get(), &peer), 0);
    EXPECT_EQ(console.st_rdev, peer.st_rdev);
    ASSERT_OK(become_terminal_session(terminal.peer.get()));
    EXPECT_TRUE(::isatty(0));
    EXPECT_GE(::open("/dev/tty", O_RDWR | O_CLOEXEC), 0);
    ::umount2((temp / "dev/pts").c_str(), MNT_DETACH);
    ::umount2((temp / "dev/console").c_str(), MNT_DETACH);
    test::finish_child();
  });
}

// CVE-2025-52565: a directory of lies at /dev/pts.
TEST(Terminal, FakeDevptsIsRefused) {
  const test::TempDir temp;
  test::in_child(CLONE_NEWNS, [&] {
    fs::create_directories(temp / "dev/pts");
    fs::create_symlink("/dev/ptmx", temp / "dev/pts/ptmx");
    const auto root = RootDir::open_host(temp.path());
    ASSERT_TRUE(root);
    EXPECT_FALSE(open_terminal(*root));
    const UniqueFd null(::open("/dev/null", O_RDWR));
    EXPECT_FALSE(bind_console(*root, null.get()));
    EXPECT_FALSE(fs::exists(temp / "dev/console"));
  });
}

TEST(Terminal, MasterReachesTheConsoleSocket) {
  const test::TempDir temp;
  test::in_child(CLONE_NEWNS, [&] {
    const RootDir root = make_root(temp);
    const std::string long_name(100, 'n');  // longer than sun_path allows
    fs::create_directory(temp / long_name);
    const UniqueFd dir(::open((temp / long_name).c_str(), O_PATH | O_DIRECTORY));
    ASSERT_OK_ASSIGN(const UniqueFd listener, listen_at(dir.get(), "console.sock", SocketType::stream));
    ASSERT_OK_ASSIGN(const Terminal terminal, open_terminal(root));
    ASSERT_OK(send_terminal(temp / long_name + "/console.sock", terminal.master.get(), terminal.name));
    ASSERT_OK_ASSIGN(const UniqueFd engine, accept_connection(listener.get()));
    ASSERT_OK_ASSIGN(Message message, receive_message(engine.get()));
    EXPECT_EQ(message.bytes, "/dev/pts/0");
    ASSERT_EQ(message.fds.size(), 1U);
    int number = -1;
    EXPECT_EQ(::ioctl(message.fds[0].get(), TIOCGPTN, &number), 0);
    EXPECT_EQ(number, 0);
    EXPECT_FALSE(send_terminal(temp / "none", terminal.master.get(), "x"));
    ::umount2((temp / "dev/pts").c_str(), MNT_DETACH);
  });
}

TEST(TerminalRelay, CopiesBothWaysUntilTheSessionEnds) {
  const test::TempDir temp;
  test::in_child(CLONE_NEWNS, [&] {
    const RootDir root = make_root(temp);
    ASSERT_OK_ASSIGN(Terminal terminal, open_terminal(root));
    auto cloned = clone3({});
    ASSERT_TRUE(cloned);
    if (cloned->pid == 0) {
      static_cast<void>(become_terminal_session(terminal.peer.get()));
      static_cast<void>(close_from(3));
      ::execl("/bin/sh", "sh", "-c", "read line; echo got-$line; seq 1 20000; echo end", nullptr);
      ::_exit(1);
    }
    Child child(cloned->pid, std::move(cloned->pidfd));
    terminal.peer.reset();
    std::array<int, 2> input{};
    ASSERT_EQ(::pipe2(input.data(), O_CLOEXEC), 0);
    ASSERT_EQ(::write(input[1], "typed\n", 6), 6);
    ::close(input[1]);  // end of input must not end the session
    const UniqueFd output(::open((temp / "output").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_OK(relay_terminal(input[0], output.get(), terminal.master.get(), child.pidfd()));
    const std::string shown = test::read_text(temp / "output");
    EXPECT_NE(shown.find("got-typed\r\n"), std::string::npos);
    EXPECT_NE(shown.find("20000\r\nend\r\n"), std::string::npos);
    EXPECT_EQ(child.wait().value(), 0);
    ::umount2((temp / "dev/pts").c_str(), MNT_DETACH);
  });
}

TEST(TerminalRelay, RawModeIsUndone) {
  const test::TempDir temp;
  test::in_child(CLONE_NEWNS, [&] {
    const RootDir root = make_root(temp);
    ASSERT_OK_ASSIGN(const Terminal terminal, open_terminal(root));
    termios before{};
    ASSERT_EQ(::tcgetattr(terminal.peer.get(), &before), 0);
    {
      const auto raw = RawMode::enter(terminal.peer.get());
      ASSERT_TRUE(raw);
      termios inside{};
      ::tcgetattr(terminal.peer.get(), &inside);
      EXPECT_EQ(inside.c_lflag & (ECHO | ICANON | ISIG), 0U);
    }
    termios after{};
    ::tcgetattr(terminal.peer.get(), &after);
    EXPECT_EQ(after.c_lflag, before.c_lflag);
    const UniqueFd null(::open("/dev/null", O_RDWR));
    EXPECT_TRUE(RawMode::enter(null.get()));
    ::umount2((temp / "dev/pts").c_str(), MNT_DETACH);
  });
}

TEST(Socket, MessagesKeepTheirBoundsAndDescriptors) {
  auto pair = socket_pair();
  ASSERT_TRUE(pair);
  const std::array<int, 2> fds = {0, 1};
  ASSERT_TRUE(send_message(pair->first.get(), "one", fds));
  ASSERT_TRUE(send_message(pair->first.get(), "two"));
  auto first = receive_message(pair->second.get());
  ASSERT_TRUE(first);
  EXPECT_EQ(first->bytes, "one");
  ASSERT_EQ(first->fds.size(), 2U);
  EXPECT_EQ(::fcntl(first->fds[0].get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(receive_message(pair->second.get()).value().bytes, "two");
  ASSERT_TRUE(send_message(pair->first.get(), "too long"));
  EXPECT_EQ(receive_message(pair->second.get(), 3).error().sys_errno, EMSGSIZE);
  EXPECT_EQ(send_message(pair->first.get(), "", fds).error().sys_errno, EINVAL);
  pair->second.reset();
  EXPECT_EQ(send_message(pair->first.get(), "x").error().sys_errno, EPIPE);
}

}  // namespace
}  // namespace nucleus::sys
