#!/bin/sh
# What the demo runs inside the container: looks at its own confinement and tries what must fail.
status=0

expect_refused() {
  what=$1
  shift
  if "$@" >/dev/null 2>/tmp/error; then
    echo "  NOT refused: $what"
    status=1
  else
    echo "  refused: $what ($(tail -n 1 /tmp/error))"
  fi
}

echo "I am uid $(id -u), pid $$, on $(hostname), and the kernel says of me:"
grep -E '^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):' /proc/self/status | sed 's/^/  /'
echo "network interfaces: $(awk -F: 'NR > 2 { printf "%s ", $1 }' /proc/net/dev)"

if echo gone >/root/trace; then
  echo "wrote /root/trace: it lives as long as this container"
fi

echo "what must fail:"
cp /bin/busybox /tmp/echo
expect_refused "to execute a file just written to /tmp" /tmp/echo hello
expect_refused "to write to /bin" cp /bin/busybox /bin/mine
expect_refused "unshare --mount" unshare -m true
expect_refused "mount -t tmpfs" mount -t tmpfs none /tmp
expect_refused "chown (no capability)" chown 1:1 /root/trace
expect_refused "mknod (no capability)" mknod /tmp/disk b 8 0
expect_refused "a ping (raw socket)" ping -c 1 -W 1 127.0.0.1
exit $status
