#!/usr/bin/env bash
# Runs the tests that compare what is measured with the kernel's own account
# (TestTruth…) in a machine with control groups of version 2 and all controllers,
# which the machine that this runs on need not have: Debian's kernel in QEMU, with
# the test programs as its only files. Needs Debian on amd64; installs the rest.
set -euo pipefail
cd "$(dirname "$0")/../.."

cache="${XDG_CACHE_HOME:-$HOME/.cache}/sidelight-test-vm"
packages=(./agent/scraper/cgroup ./agent/scraper/host ./agent/scraper/procs)
step() { printf '== test-vm: %s (%ss)\n' "$1" "$SECONDS"; }

debian() {
	local missing=() as_root=()
	command -v qemu-system-x86_64 >/dev/null || missing+=(qemu-system-x86)
	[ -x /bin/busybox ] && ! ldd /bin/busybox >/dev/null 2>&1 || missing+=(busybox-static)
	command -v cpio >/dev/null || missing+=(cpio)
	[ ${#missing[@]} -gt 0 ] || return 0
	step "installing ${missing[*]}"
	[ "$(id -u)" = 0 ] || as_root=(sudo)
	export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
	"${as_root[@]}" apt-get update -qq
	"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# kernel fetches Debian's kernel for virtual machines, without installing it.
kernel() {
	[ -e "$cache/vmlinuz" ] && return
	step 'fetching a kernel'
	local name
	name="$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)"
	[ -n "$name" ] || { echo 'no linux-image-cloud-amd64 among the packages that apt knows' >&2; exit 1; }
	rm -rf "$cache/package"
	mkdir -p "$cache/package"
	(cd "$cache/package" && apt-get download -qq "$name" 2>/dev/null && dpkg-deb -x ./*.deb .)
	mv "$cache"/package/boot/vmlinuz-* "$cache/vmlinuz"
	rm -rf "$cache/package"
}

# files puts together what the machine starts with.
files() {
	step 'building the tests'
	local root="$1" applet lib
	mkdir -p "$root"/{bin,tests,proc,sys,dev,tmp}
	cp test/vm/init "$root/init"
	cp /bin/busybox "$root/bin/"
	for applet in sh mount ip cat uname grep poweroff; do ln -s busybox "$root/bin/$applet"; done
	cp "$(command -v df)" "$root/bin/df"
	for lib in $(ldd "$(command -v df)" | grep -o '/[^ ]*'); do
		mkdir -p "$root$(dirname "$lib")"
		cp "$lib" "$root$lib"
	done
	for package in "${packages[@]}"; do
		CGO_ENABLED=0 go test -c -o "$root/tests/$(basename "$package")" "$package"
	done
}

debian
kernel
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
files "$work/root"
(cd "$work/root" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/initrd.gz"
step 'running'
# An emulated processor: one that is virtual is not to be had everywhere.
timeout 300 qemu-system-x86_64 -accel tcg -cpu max -m 1024 -smp 2 -nographic -no-reboot -nic none \
	-kernel "$cache/vmlinuz" -initrd "$work/initrd.gz" -append 'console=ttyS0 quiet panic=-1' </dev/null |
	tr -d '\r' | sed -n '/Linux [0-9]/,$p' | tee "$work/console"
grep -q '^all passed: yes$' "$work/console"
step 'done'
