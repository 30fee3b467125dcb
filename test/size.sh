#!/usr/bin/env bash
# Prints how the size of the binary is spent: machine code by whose it is, and
# what the linker adds. The argument is the binary built with its symbols.
set -euo pipefail
bin="$1"
go tool nm -size "$bin" | awk '
	$3 != "T" && $3 != "t" { next }
	{
		name = $4
		sub(/\[.*/, "", name)
		own = "github.com/sidelight-dev/sidelight/"
		if (index(name, own "internal/sandbox")) group = "sandbox"
		else if (index(name, own "internal/insights") || index(name, own "internal/alarm") || index(name, own "internal/metricmath") || index(name, own "internal/filterpattern")) group = "query languages and alarms"
		else if (index(name, own "agent/recipe")) group = "recipes"
		else if (index(name, "main.") == 1 || index(name, own "cmd/") || index(name, own "internal/query") || index(name, own "internal/render") || index(name, own "internal/traces") || index(name, own "internal/segment")) group = "commands"
		else if (index(name, own "agent/config") || index(name, own "agent/fluentconf") || index(name, own "agent/firelens")) group = "configuration, import, FireLens"
		else if (index(name, "github.com/sidelight-dev/sidelight")) group = "agent: receivers, queue, exporters"
		else if (name ~ /^github.com\/aws\/(aws-sdk-go-v2\/(config|credentials|service\/(sso|ssooidc|signin|sts)|feature))/) group = "AWS SDK: credentials, SSO, STS"
		else if (name ~ /^github.com\/aws/) group = "AWS SDK: the rest"
		else if (name ~ /^(go.yaml.in|github.com\/spf13|encoding\/csv|text\/)/) group = "YAML and command line"
		else if (name ~ /^[a-z.]+\.[a-z]+\// && name !~ /^vendor/) group = "other modules"
		else if (name ~ /^(crypto|vendor\/golang.org\/x\/crypto|math\/big|encoding\/asn1)/) group = "Go: TLS and cryptography"
		else if (name ~ /^(net|vendor|mime)/) group = "Go: network and HTTP"
		else if (name ~ /^(runtime|internal\/runtime|type:|gcWriteBarrier|_rt|sync|internal\/sync)/) group = "Go: runtime, comparison of types"
		else group = "Go: other packages"
		size[group] += $2
		all += $2
	}
	END {
		for (g in size) printf "%9d  %s\n", size[g], g | "sort -rn"
		close("sort -rn")
		printf "%9d  machine code, without alignment\n", all
	}'
size -A "$bin" | awk '
	$1 == ".rodata" { printf "%9d  types, constants, stack maps (.rodata)\n", $2 }
	$1 == ".gopclntab" { printf "%9d  names and line numbers of functions (.gopclntab)\n", $2 }
	$1 == ".noptrdata" || $1 == ".data" { data += $2 }
	END { printf "%9d  data\n", data }'
