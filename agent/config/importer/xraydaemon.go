package importer

import "strings"

// xrayDaemon returns the rules of the X-Ray daemon's cfg.yaml.
func xrayDaemon() []rule {
	rules := []rule{
		to("Region", "aws.region", same),
		to("RoleARN", "aws.role_arn", same),
		to("Socket.UDPAddress", "receivers.xray.udp", address),
		to("Socket.TCPAddress", "receivers.xray.tcp", address),
		to("Endpoint", "aws.endpoint", same),
		to("Logging.LogLevel", "log.level", func(s string) string {
			if s = strings.ToLower(s); s == "prod" {
				return "warn"
			}
			return s
		}),
		{path: "Logging.LogPath", take: func(d *draft, v value) {
			if v.text() != "" {
				d.note(v.place, "Logging.LogPath: the agent logs to standard error")
			}
		}},
		{path: "ProxyAddress", take: func(d *draft, v value) {
			if v.text() != "" {
				d.note(v.place, "ProxyAddress: set the variable HTTPS_PROXY to %s", v.text())
			}
		}},
		{path: "NoVerifySSL", take: func(d *draft, v value) {
			if isYes(v.text()) {
				d.note(v.place, "NoVerifySSL: certificates are always verified; name your own authority with AWS_CA_BUNDLE")
			}
		}},
	}
	// Who runs it and how busy it is are not settings here: buffers are bounded
	// by queue.memory and queue.disk, and documents are never dropped for want
	// of a buffer before that.
	for i, r := range rules {
		take := r.take
		rules[i].take = func(d *draft, v value) {
			if v.text() != "" {
				take(d, v)
			}
		}
	}
	return append(rules, nothing("TotalBufferSizeMB", "Concurrency", "LocalMode", "ResourceARN", "Logging.LogRotation", "Version")...)
}
