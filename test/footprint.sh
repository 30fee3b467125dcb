#!/usr/bin/env bash
# Prints what the agent weighs: the binary, also compressed, the time from its start
# to ready, and the memory it takes while idle with everything listening. Medians of
# five runs of each binary.
#
#   test/footprint.sh [BINARY…, default bin/sidelight-agent]
set -euo pipefail
[ $# -gt 0 ] || set -- bin/sidelight-agent
dir="$(mktemp -d)"
trap '[ -z "${pid:-}" ] || kill "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])' 2>/dev/null || echo $((20000 + RANDOM % 20000)); }
median() { sort -n | awk '{v[NR]=$1} END {print v[int((NR+1)/2)]}'; }

status="$(port)"
cat >"$dir/sidelight.yaml" <<EOF
aws: {region: us-east-1, endpoint: "http://127.0.0.1:1"}
receivers:
  otlp: {grpc: "127.0.0.1:0", http: "127.0.0.1:0"}
  xray: {udp: "127.0.0.1:0", tcp: "127.0.0.1:0"}
  forward: {tcp: "127.0.0.1:0"}
  emf: {tcp: "127.0.0.1:0", udp: "127.0.0.1:0"}
  statsd: {udp: "127.0.0.1:0"}
queue: {dir: "$dir/queue"}
status: {listen: "127.0.0.1:$status"}
shutdown: {grace: 1s, quiet: 0s}
EOF
export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any

weigh() {
	local bin="$1" begin
	: >"$dir/ready"
	: >"$dir/rss"
	for _ in 1 2 3 4 5; do
		begin="$(date +%s%N)"
		"$bin" run --config "$dir/sidelight.yaml" 2>"$dir/log" &
		pid=$!
		# The port opens last, once every other listener is open. Bash's own TCP is
		# quicker to ask than a new process would be.
		until (exec 3<>"/dev/tcp/127.0.0.1/$status") 2>/dev/null; do
			kill -0 "$pid" || { cat "$dir/log" >&2; exit 1; }
		done
		echo $((($(date +%s%N) - begin) / 1000000)) >>"$dir/ready"
		sleep 5
		awk '/VmRSS/ {print $2}' "/proc/$pid/status" >>"$dir/rss"
		kill "$pid"
		wait "$pid" || true
		pid=
	done
	printf '%s\n' "$bin"
	printf '  binary, stripped      %s MB\n' "$(stat -c %s "$bin" | awk '{printf "%.1f", $1/1e6}')"
	printf '  compressed, gzip -9   %s MB\n' "$(gzip -9 -c "$bin" | wc -c | awk '{printf "%.1f", $1/1e6}')"
	printf '  start to ready        %s ms\n' "$(median <"$dir/ready")"
	printf '  idle RSS after 5 s    %s MB\n' "$(median <"$dir/rss" | awk '{printf "%.1f", $1*1024/1e6}')"
}

for bin; do weigh "$bin"; done
