#!/usr/bin/env bash
# Tests bin/sidelight with clients that others wrote, and installs them first:
# Debian's packages, npm's below this folder, and programs in Go below the cache
# directory. What is there already is not installed again.
set -euo pipefail
cd "$(dirname "$0")"

cache="${XDG_CACHE_HOME:-$HOME/.cache}/sidelight-test-clients"
helm_version=v3.22.0
step() { printf '== test-clients: %s (%ss)\n' "$1" "$SECONDS"; }

debian() {
	local missing=() as_root=()
	[ -x /usr/bin/aws ] || missing+=(awscli)
	[ -x /usr/sbin/nginx ] || missing+=(nginx-light)
	[ -x /usr/sbin/rsyslogd ] || missing+=(rsyslog)
	[ -e /usr/share/doc/rsyslog-gnutls ] || missing+=(rsyslog-gnutls)
	[ -x /usr/bin/prometheus-node-exporter ] || missing+=(prometheus-node-exporter)
	[ -x /usr/bin/prometheus ] || missing+=(prometheus)
	command -v logger >/dev/null || missing+=(bsdutils)
	[ -x /lib/systemd/systemd-journal-remote ] || missing+=(systemd-journal-remote)
	[ -x /usr/bin/journalctl ] || missing+=(systemd)
	[ -x /usr/bin/docker-compose ] || missing+=(docker-compose)
	/usr/bin/python3 -c 'import boto3' 2>/dev/null || missing+=(python3-boto3)
	command -v node >/dev/null || missing+=(nodejs)
	command -v npm >/dev/null || missing+=(npm)
	[ ${#missing[@]} -gt 0 ] || return 0
	step "installing ${missing[*]}"
	[ "$(id -u)" = 0 ] || as_root=(sudo)
	# Nothing that is installed here may start a service.
	export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
	"${as_root[@]}" apt-get update -qq
	"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

node_is_new() {
	local major
	major="$(node -p 'process.versions.node.split(".")[0]')"
	[ "$major" -ge 20 ] || { echo "Node $(node --version) is too old for AWS's SDK: 20 or newer, as in Debian 13" >&2; exit 1; }
}

# Installs what the lock of the working directory says, with npm's options. npm ci leaves a copy of the
# lock, which tells what is installed.
npm_packages() {
	if [ -f node_modules/.installed ] && cmp -s package-lock.json node_modules/.installed; then return; fi
	step "installing packages for Node in $(basename "$PWD")"
	npm ci --no-audit --no-fund --ignore-scripts --loglevel=error "$@"
	cp package-lock.json node_modules/.installed
}

go_programs() {
	mkdir -p "$cache"
	if [ ! -x "$cache/helm-$helm_version/helm" ]; then
		step "building helm $helm_version"
		GOBIN="$cache/helm-$helm_version" go install "helm.sh/helm/v3/cmd/helm@$helm_version"
	fi
	step 'building the tests'
	(cd xraygo && go vet . && go build -o "$cache/xraygo" .)
	(cd otelgo && go vet . && go build -o "$cache/otelgo" .)
	(cd tagsgo && go vet . && go build -o "$cache/tagsgo" .)
	(cd kubecheck && go vet . && go build -o "$cache/kubecheck" .)
	go vet -tags clients ./...
}

debian
node_is_new
npm_packages --omit=optional
# TypeScript's compiler for this machine is an optional package.
(cd ../../deploy/cdk && npm_packages)
go_programs
step 'testing'
export SIDELIGHT_TEST_HELM="$cache/helm-$helm_version/helm" SIDELIGHT_TEST_XRAYGO="$cache/xraygo" SIDELIGHT_TEST_OTELGO="$cache/otelgo" SIDELIGHT_TEST_TAGSGO="$cache/tagsgo"
export SIDELIGHT_TEST_KUBECHECK="$cache/kubecheck"
# Most tests wait most of the time, so more of them run than there are cores.
go test -tags clients -count=1 -parallel "${PARALLEL:-6}" -timeout 10m "$@" ./...
step 'done'
