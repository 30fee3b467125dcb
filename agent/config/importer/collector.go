package importer

import (
	"os"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

// collector carries over an OpenTelemetry collector's configuration. Components
// that no pipeline names do nothing there, and nothing here.
func (d *draft) collector(text []byte) error {
	root, err := parseTree(text)
	if err != nil {
		return err
	}
	d.keepSecrets(child(root, "exporters"))
	d.expand(root)
	used := inPipelines(root)
	for _, kind := range []struct {
		name  string
		rules func(component string) []rule
	}{{"receivers", collectorReceiver}, {"processors", collectorProcessor}, {"exporters", collectorExporter}} {
		section := child(root, kind.name)
		if section == nil || section.Kind != yaml.MappingNode {
			continue
		}
		for i := 0; i+1 < len(section.Content); i += 2 {
			k, v := section.Content[i], section.Content[i+1]
			signals := used[kind.name+"."+k.Value]
			if len(signals) == 0 {
				continue
			}
			component, _, _ := strings.Cut(k.Value, "/")
			if kind.name == "exporters" && (component == "otlphttp" || component == "otlp_http") {
				d.alsoOTLP(d.value(v, "exporters", k.Value), signals)
				continue
			}
			d.component(kind.name, k, v, kind.rules(component))
		}
	}
	if child(child(root, "extensions"), "health_check") != nil {
		d.note(d.line(child(child(root, "extensions"), "health_check")),
			"extensions.health_check: health is at http://127.0.0.1:13133/health, status.listen")
	}
	return nil
}

// keepSecrets makes headers that are variables refer to these, so that what they
// hold does not come to stand in the file.
func (d *draft) keepSecrets(exporters *yaml.Node) {
	if exporters == nil {
		return
	}
	for _, e := range exporters.Content {
		headers := child(e, "headers")
		if headers == nil || headers.Kind != yaml.MappingNode {
			continue
		}
		for i := 1; i < len(headers.Content); i += 2 {
			v := headers.Content[i]
			inner, whole := strings.CutPrefix(v.Value, "${")
			name, rest, _ := strings.Cut(inner, "}")
			switch {
			case whole && rest == "":
				v.Value = "env:" + strings.TrimPrefix(name, "env:")
			case strings.Contains(v.Value, "${"):
				header := headers.Content[i-1].Value
				variable := strings.ToUpper(strings.ReplaceAll(header, "-", "_"))
				d.note(d.line(v), "header %s: put the whole value into the variable %s", header, variable)
				v.Value = "env:" + variable
			}
		}
	}
}

// expand replaces ${NAME} and ${env:NAME} in the scalars below n. A value with a
// variable that is not set is noted and becomes empty.
func (d *draft) expand(n *yaml.Node) {
	for _, c := range n.Content {
		d.expand(c)
	}
	if n.Kind != yaml.ScalarNode || !strings.Contains(n.Value, "${") {
		return
	}
	missing := ""
	text := os.Expand(n.Value, func(name string) string {
		name, fallback, _ := strings.Cut(strings.TrimPrefix(name, "env:"), ":-")
		v := orDefault(d.opts.Getenv(name), fallback)
		if v == "" {
			missing = name
		}
		return v
	})
	if missing != "" {
		d.note(d.line(n), "%s is not carried over: the variable %s is not set", n.Value, missing)
		text = ""
	}
	n.Value = text
}

// component carries over what one component says. No rules at all: it is not
// known.
func (d *draft) component(kind string, name, v *yaml.Node, rules []rule) {
	place := d.line(name)
	if rules == nil {
		d.note(place, "%s.%s is not carried over", kind, name.Value)
		return
	}
	if r := rules[0]; r.path == "" {
		if r.why != "" {
			d.note(place, "%s.%s: %s", kind, name.Value, r.why)
		}
		if r.take != nil {
			r.take(d, value{node: v, place: place})
		}
		rules = rules[1:]
	}
	if v.Kind == yaml.MappingNode {
		d.walk(value{node: v, place: place}, rules)
	}
}

// inPipelines returns the components that pipelines name, such as receivers.otlp,
// and for which signals.
func inPipelines(root *yaml.Node) map[string][]string {
	used := map[string][]string{}
	pipelines := child(child(root, "service"), "pipelines")
	if pipelines == nil || pipelines.Kind != yaml.MappingNode {
		return used
	}
	for i := 1; i < len(pipelines.Content); i += 2 {
		signal, _, _ := strings.Cut(pipelines.Content[i-1].Value, "/")
		for _, kind := range []string{"receivers", "processors", "exporters"} {
			if list := child(pipelines.Content[i], kind); list != nil {
				for _, n := range list.Content {
					used[kind+"."+n.Value] = append(used[kind+"."+n.Value], signal)
				}
			}
		}
	}
	return used
}

// alsoOTLP adds an endpoint beside the first destination of signals. AWS's own
// endpoints take the place of the first.
func (d *draft) alsoOTLP(v value, signals []string) {
	endpoint := v.get("endpoint")
	d.others(v, "endpoint", "headers", "compression", "tls", "auth", "timeout", "sending_queue", "retry_on_failure", "encoding")
	if endpoint == "" {
		d.note(v.place, "%s: only endpoint is carried over, and there is none", strings.Join(v.path, "."))
		return
	}
	for _, signal := range signals {
		switch {
		case signal != "logs" && signal != "traces":
			d.note(v.place, "%s for %s is not carried over", strings.Join(v.path, "."), signal)
		case strings.HasSuffix(strings.TrimSuffix(endpoint, "/"), ".amazonaws.com"):
			d.set(v.place, signal+".via", "otlp")
			d.set(v.place, "otlp.endpoint", "aws")
		default:
			var also entry
			also.set("otlp", d.endpoint(v))
			d.add(signal+".also", &also)
		}
	}
}

func (d *draft) endpoint(v value) *entry {
	var e entry
	e.set("endpoint", v.get("endpoint"))
	if headers := child(v.node, "headers"); headers != nil && headers.Kind == yaml.MappingNode {
		var h entry
		for i := 0; i+1 < len(headers.Content); i += 2 {
			h.set(headers.Content[i].Value, headers.Content[i+1].Value)
		}
		e.set("headers", &h)
	}
	if c := v.get("compression"); c == "none" {
		e.set("compression", c)
	}
	if tls := child(v.node, "tls"); tls != nil {
		if ca := d.value(tls).get("ca_file"); ca != "" {
			e.set("ca", ca)
		}
		d.others(d.value(tls, append(v.path, "tls")...), "ca_file", "insecure")
	}
	return &e
}

// on is a first rule: that the component is there sets a key.
func on(path, text string) rule {
	return rule{take: func(d *draft, v value) { d.set(v.place, path, text) }}
}

// asItIs is a first rule for what needs no more than to be there.
func asItIs() rule { return rule{} }

// because is a first rule for what has no counterpart, with what to do instead.
func because(why string) rule { return rule{why: why} }

func collectorReceiver(name string) []rule {
	switch name {
	case "otlp":
		return append([]rule{
			{take: func(d *draft, v value) {
				protocols := child(v.node, "protocols")
				d.off(v, protocols, "grpc", "receivers.otlp.grpc")
				d.off(v, protocols, "http", "receivers.otlp.http")
			}},
			to("protocols.grpc.endpoint", "receivers.otlp.grpc", address),
			to("protocols.http.endpoint", "receivers.otlp.http", address),
			{path: "protocols.*"},
		}, nothing("protocols.grpc.max_recv_msg_size_mib", "protocols.grpc.keepalive.**", "protocols.http.cors.**")...)
	case "awsxray":
		return append([]rule{
			asItIs(),
			to("endpoint", "receivers.xray.udp", address),
			to("proxy_server.endpoint", "receivers.xray.tcp", address),
		}, nothing("transport", "proxy_server.local_mode")...)
	case "statsd":
		return append([]rule{
			asItIs(),
			to("endpoint", "receivers.statsd.udp", address),
			to("aggregation_interval", "metrics.interval", same),
		}, nothing("transport", "enable_metric_type", "is_monotonic_counter")...)
	case "syslog":
		return append([]rule{
			asItIs(),
			to("tcp.listen_address", "receivers.syslog.tcp", address),
			to("udp.listen_address", "receivers.syslog.udp", address),
			to("location", "receivers.syslog.zone", same),
		}, nothing("protocol", "tcp.max_log_size", "enable_octet_counting")...)
	case "tcplog":
		return []rule{asItIs(), to("listen_address", "receivers.lines.tcp", address)}
	case "udplog":
		return []rule{asItIs(), to("listen_address", "receivers.lines.udp", address)}
	case "journald":
		return []rule{
			on("receivers.journald.read", "on"),
			{path: "units", take: func(d *draft, v value) { d.set(v.place, "receivers.journald.units", scalars(v.node)) }},
			{path: "directory", take: func(d *draft, v value) {
				d.set(v.place, "receivers.journald.directories", []string{v.text()})
			}},
			to("priority", "receivers.journald.priority", same),
			{path: "start_at", take: func(d *draft, v value) {
				if v.text() == "end" {
					d.set(v.place, "receivers.journald.since", "now")
				}
			}},
		}
	case "prometheus":
		return []rule{{take: takePrometheus}, {path: "**"}}
	case "fluentforward":
		return []rule{asItIs(), to("endpoint", "receivers.forward.tcp", address)}
	case "filelog":
		return []rule{{take: takeFilelog}, {path: "**"}}
	case "awsecscontainermetrics":
		return []rule{on("scrape.task", "on"), to("collection_interval", "scrape.interval", same)}
	case "hostmetrics":
		return append([]rule{on("scrape.host", "on"), to("collection_interval", "scrape.interval", same)},
			nothing("scrapers.cpu", "scrapers.memory", "scrapers.disk", "scrapers.filesystem", "scrapers.network", "scrapers.load",
				"scrapers.paging", "scrapers.processes", "initial_delay", "root_path")...)
	}
	return nil
}

// off switches a listener off that a collector would not have.
func (d *draft) off(v value, protocols *yaml.Node, name, path string) {
	if child(protocols, name) == nil {
		d.set(v.place, path, "off")
	}
}

func takeFilelog(d *draft, v value) {
	var e entry
	for _, key := range []string{"include", "exclude"} {
		if list := child(v.node, key); list != nil {
			var globs []string
			for _, n := range list.Content {
				globs = append(globs, n.Value)
			}
			e.set(key, globs)
		}
	}
	if v.get("start_at") != "beginning" {
		e.set("start", "end")
	}
	if m := child(v.node, "multiline"); m != nil {
		if p := d.value(m).get("line_start_pattern"); p != "" && d.regex(d.line(m), p) {
			var start entry
			start.set("start", p)
			e.set("multiline", &start)
		}
	}
	d.operators(v, &e)
	d.add("receivers.files", &e)
	d.others(v, "include", "exclude", "start_at", "multiline", "operators", "poll_interval", "storage", "include_file_path",
		"include_file_name", "max_log_size", "fingerprint_size", "max_concurrent_files")
}

// operators carries over the first parser.
func (d *draft) operators(v value, e *entry) {
	list := child(v.node, "operators")
	if list == nil {
		return
	}
	for i, n := range list.Content {
		o := d.value(n)
		kind := o.get("type")
		switch {
		case i == 0 && kind == "json_parser":
			e.set("format", "json")
		case i == 0 && kind == "container":
			e.set("format", orDefault(strings.TrimSuffix(o.get("format"), "erd"), "cri"))
		case i == 0 && kind == "regex_parser" && d.regex(o.place, o.get("regex")):
			e.set("format", "regex")
			e.set("pattern", o.get("regex"))
		default:
			d.note(o.place, "operator %s is not carried over", kind)
		}
	}
}

func collectorProcessor(name string) []rule {
	switch name {
	case "batch", "memory_limiter", "resourcedetection", "groupbytrace", "groupbyattrs", "cumulativetodelta", "deltatocumulative":
		// Batches are as large as AWS takes them, memory is bounded, the platform
		// is found out, counters become differences: all without being told.
		return []rule{asItIs(), {path: "**"}}
	case "probabilistic_sampler":
		return append([]rule{asItIs(), to("sampling_percentage", "traces.sample.rate", func(s string) string { return s + "%" })},
			nothing("hash_seed", "mode", "fail_closed")...)
	case "tail_sampling":
		return append([]rule{
			asItIs(),
			to("decision_wait", "traces.sample.wait", same),
			{path: "policies.*", take: takePolicy},
		}, nothing("num_traces", "expected_new_traces_per_sec", "decision_cache.**", "block_on_overflow")...)
	case "attributes", "resource":
		return []rule{because("members of log events are edited by logs.fields; spans are not edited"), {path: "**"}}
	}
	return nil
}

// takePolicy carries over a policy of tail_sampling. A trace is kept if any policy
// keeps it, there and here.
func takePolicy(d *draft, v value) {
	sub := func(section, key string) string {
		if n := child(v.node, section); n != nil {
			return d.value(n).get(key)
		}
		return ""
	}
	switch kind := v.get("type"); kind {
	case "always_sample":
		d.set(v.place, "traces.sample.rate", "100%")
	case "probabilistic":
		d.set(v.place, "traces.sample.rate", sub(kind, "sampling_percentage")+"%")
	case "latency":
		d.set(v.place, "traces.sample.keep_slower", sub(kind, "threshold_ms")+"ms")
	case "status_code":
		d.set(v.place, "traces.sample.keep_errors", true)
	default:
		d.note(v.place, "a policy of type %s is not carried over", kind)
	}
}

func collectorExporter(name string) []rule {
	region, role := to("region", "aws.region", same), to("role_arn", "aws.role_arn", same)
	tuning := nothing("num_workers", "request_timeout_seconds", "max_retries", "no_verify_ssl", "local_mode", "resource_arn", "telemetry.**",
		"sending_queue.**", "retry_on_failure.**", "timeout", "endpoint", "raw_log")
	var rules []rule
	switch name {
	case "awsxray":
		rules = []rule{
			asItIs(), region, role,
			{path: "indexed_attributes", take: func(d *draft, v value) { d.set(v.place, "traces.indexed_attributes", scalars(v.node)) }},
			{path: "index_all_attributes", why: "list the attributes that are searched for in traces.indexed_attributes"},
			{path: "aws_log_groups", why: "segments name the group that the agent delivers logs to"},
		}
	case "awsemf":
		rules = append([]rule{
			asItIs(), region, role,
			to("namespace", "metrics.namespace", same),
			{path: "metric_declarations", why: "every metric has one set of dimensions, metrics.dimensions"},
			{path: "log_group_name", why: "metrics are sent by PutMetricData and leave no log events"},
		}, nothing("log_stream_name", "dimension_rollup_option", "resource_to_telemetry_conversion.**", "output_destination",
			"detailed_metrics", "version", "retain_initial_value_of_delta_metric", "parse_json_encoded_attr_values", "log_retention")...)
	case "awscloudwatchlogs":
		rules = []rule{
			asItIs(), region, role,
			to("log_group_name", "logs.group", placeholders), to("log_stream_name", "logs.stream", placeholders),
			{path: "log_retention", take: func(d *draft, v value) {
				if r, ok := days(v.text()); ok {
					d.set(v.place, "logs.retention", r)
				}
			}},
		}
	case "otlp":
		return []rule{because("OTLP is sent over HTTP, not gRPC: name the endpoint in logs.also and traces.also"), {path: "**"}}
	case "debug", "logging", "nop":
		return []rule{asItIs(), {path: "**"}}
	default:
		return nil
	}
	return append(rules, tuning...)
}

func scalars(n *yaml.Node) []string {
	out := make([]string, 0, len(n.Content))
	for _, c := range n.Content {
		out = append(out, c.Value)
	}
	sort.Strings(out)
	return out
}
