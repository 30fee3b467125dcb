package xrayd

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/config"
)

// Kind is what the value of an option may be.
type Kind uint8

// The kinds.
const (
	Text Kind = iota
	Whole
	Yes
)

func (k Kind) check(value string) error {
	switch k {
	case Whole:
		if _, err := strconv.ParseInt(value, 0, 64); err != nil {
			return errors.New("expected a whole number")
		}
	case Yes:
		if _, err := strconv.ParseBool(value); err != nil {
			return errors.New("expected true or false")
		}
	}
	return nil
}

// Option is one of the daemon's flags.
type Option struct {
	// Short and Long are its names, without hyphens.
	Short, Long string
	// Key is the same in the configuration file, with a dot between section and
	// name; "" if it has none.
	Key  string
	Kind Kind
	// Help says what it is here, in a line.
	Help string
}

// Options returns the daemon's flags in the order of their short names.
func Options() []Option { return options() }

func options() []Option {
	return []Option{
		{"a", "resource-arn", "ResourceARN", Text, "ARN of what runs this, in the records about itself"},
		{"b", "bind", "Socket.UDPAddress", Text, "address for segments; default 127.0.0.1:2000"},
		{"c", "config", "", Text, "the daemon's configuration file"},
		{"f", "log-file", "Logging.LogPath", Text, "file for the log, instead of standard error"},
		{"l", "log-level", "Logging.LogLevel", Text, "dev and debug, info and prod, warn, error"},
		{"m", "buffer-memory", "TotalBufferSizeMB", Whole, "memory for what waits, in MB"},
		{"n", "region", "Region", Text, "region; default AWS_REGION, task, machine"},
		{"o", "local-mode", "LocalMode", Yes, "do not ask the machine for its region and name"},
		{"p", "proxy-address", "ProxyAddress", Text, "HTTP proxy for the calls to AWS"},
		{"r", "role-arn", "RoleARN", Text, "role to assume"},
		{"t", "bind-tcp", "Socket.TCPAddress", Text, "address for sampling calls; default 127.0.0.1:2000"},
		{"v", "version", "", Yes, "print the version"},
	}
}

// carriers say what each key is here. An empty value means the default, with the
// daemon as here, and is never carried.
func carriers() map[string]func(value string) ([]config.Setting, string) {
	return map[string]func(string) ([]config.Setting, string){
		"Region":              as("aws.region"),
		"RoleARN":             as("aws.role_arn"),
		"ResourceARN":         resource,
		"Socket.UDPAddress":   as("receivers.xray.udp"),
		"Socket.TCPAddress":   as("receivers.xray.tcp"),
		"Endpoint":            as("traces.endpoint"),
		"ProxyAddress":        as("aws.proxy"),
		"Logging.LogPath":     as("log.file"),
		"Logging.LogLevel":    level,
		"Logging.LogRotation": rotation,
		"NoVerifySSL":         unverified,
		"TotalBufferSizeMB":   memory,
		"LocalMode":           local,
		"Concurrency":         concurrency,
		"Version":             as(""),
	}
}

// Carry returns what a key of the daemon's configuration file is here, by paths of
// settings, and a note if that is not the same or nothing.
func Carry(key, value string) ([]config.Setting, string) {
	to, ok := carriers()[key]
	if !ok {
		return nil, unknown(key)
	}
	if value == "" {
		return nil, ""
	}
	return to(value)
}

// unknown says why a key is not carried.
func unknown(key string) string {
	switch {
	case strings.HasPrefix(key, "ProxyServer."):
		return "" // the daemon overwrites it by its defaults
	case key == "Profile.CPU", key == "Profile.Memory", key == "Socket.BufferSizeKB", key == "Logging.LogFormat", key == "Processor.BatchProcessorQueueSize",
		key == "LogRotation", key == "Processor.Region", key == "Processor.Endpoint", key == "Processor.Routine", key == "MemoryLimit":
		return "is of the daemon's format before version 1, which it refuses itself"
	}
	return "is no setting of the daemon"
}

func one(path, value string) []config.Setting { return []config.Setting{{Path: path, Value: value}} }

// as carries a value to path as it is, "" for one that needs nothing.
func as(path string) func(string) ([]config.Setting, string) {
	return func(value string) ([]config.Setting, string) {
		if path == "" {
			return nil, ""
		}
		return one(path, value), ""
	}
}

// resource carries the name of what runs the daemon, which stands in the records
// about itself alone.
func resource(value string) ([]config.Setting, string) {
	return append(one("traces.telemetry.send", "true"), one("traces.telemetry.resource_arn", value)...), ""
}

// level carries the level of the log. prod is the daemon's default, and has been
// as info since its version 3.3.2.
func level(value string) ([]config.Setting, string) {
	switch strings.ToLower(value) {
	case "dev", "debug":
		return one("log.level", "debug"), ""
	case "prod", "info":
		return one("log.level", "info"), ""
	case "warn", "error":
		return one("log.level", strings.ToLower(value)), ""
	}
	return one("log.level", "info"), fmt.Sprintf("%q is no level of the daemon's (dev, debug, info, warn, error, prod); info is taken", value)
}

// rotation carries whether a log file is replaced when it is full: the daemon does
// that at 50 MiB and keeps one file before it.
func rotation(value string) ([]config.Setting, string) {
	if isYes(value) {
		return nil, "" // so does the agent
	}
	return one("log.rotate", "0"), ""
}

func unverified(value string) ([]config.Setting, string) {
	if !isYes(value) {
		return nil, ""
	}
	return one("aws.insecure", "true"), ""
}

// minMemory is the least that the daemon runs with, in MB.
const minMemory = 3

// memory carries the bound on what waits in memory. Without one the daemon takes a
// hundredth of the machine's.
func memory(value string) ([]config.Setting, string) {
	n, err := strconv.ParseInt(value, 0, 64)
	switch {
	case err != nil:
		return nil, fmt.Sprintf("%q is not a whole number; the default is taken", value)
	case n <= 0:
		return nil, ""
	case n < minMemory:
		return one("queue.memory", "3MiB"), fmt.Sprintf("%d MB are less than the daemon runs with; %d are taken", n, minMemory)
	}
	return one("queue.memory", strconv.FormatInt(n, 10)+"MiB"), ""
}

// local carries whether the machine's metadata service is left alone. Credentials
// of the machine's role are fetched in any case, as the daemon does.
func local(value string) ([]config.Setting, string) {
	return one("aws.metadata", strconv.FormatBool(!isYes(value))), ""
}

// daemonCalls is how many calls the daemon makes at a time.
const daemonCalls = "8"

func concurrency(value string) ([]config.Setting, string) {
	if value == daemonCalls || value == "0" {
		return nil, ""
	}
	return nil, "has no effect: how many calls are made at a time follows what X-Ray takes"
}

// isYes reports whether a value of a flag or of YAML 1.1 says yes.
func isYes(text string) bool {
	switch strings.ToLower(text) {
	case "true", "t", "1", "yes", "y", "on":
		return true
	}
	return false
}
