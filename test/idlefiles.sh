#!/usr/bin/env bash
# What files cost that nobody writes to: CPU over 30 s, which has one look at all
# of them, memory and descriptors. Linux.
#
#   test/idlefiles.sh bin/sidelight [files, default 5000]
set -euo pipefail
bin="$(realpath "$1")"
count="${2:-5000}"
dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/logs"
for i in $(seq "$count"); do echo 'one line of a file that is silent' >"$dir/logs/$i.log"; done
hertz="$(getconf CLK_TCK)"

ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; }

for watch in auto poll; do
	mkdir "$dir/$watch"
	env -i PATH="$PATH" HOME="$dir" AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any AWS_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true \
		SIDELIGHT_SERVICE_NAME=idle SIDELIGHT_QUEUE_DIR="$dir/$watch" SIDELIGHT_AWS_ENDPOINT=http://127.0.0.1:9 SIDELIGHT_CONFIG="
receivers:
  otlp: {grpc: off, http: off}
  xray: {udp: off, tcp: off}
  forward: {tcp: off, unix: off}
  emf: {tcp: off, udp: off}
  statsd: {udp: off}
  files: [{include: ['$dir/logs/*.log'], start: end, watch: $watch}]
status: {listen: off}
scrape: {host: off, cgroup: off}" \
		"$bin" run >"$dir/log" 2>&1 &
	pid=$!
	sleep 6
	before="$(ticks "$pid")"
	sleep 30
	after="$(ticks "$pid")"
	awk -v n="$count" -v watch="$watch" -v t="$((after - before))" -v hz="$hertz" -v fds="$(find "/proc/$pid/fd" -type l | wc -l)" \
		'/VmRSS/ {printf "%d files, watch: %s: %.1f ms of CPU a second, %.1f MB, %d descriptors\n", n, watch, t * 1000 / hz / 30, $2 / 1024, fds}' "/proc/$pid/status"
	kill "$pid"
	wait "$pid" || true
done
