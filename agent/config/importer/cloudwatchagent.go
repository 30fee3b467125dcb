package importer

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	files   = "logs.logs_collected.files.collect_list"
	systems = "metrics.metrics_collected."
)

// cloudWatchAgent returns the rules of the CloudWatch agent's JSON.
func cloudWatchAgent() []rule {
	rules := []rule{
		{path: "agent.metrics_collection_interval", take: takeInterval},
		to("agent.region", "aws.region", same),
		to("agent.credentials.role_arn", "aws.role_arn", same),
		to("agent.service.name", "service.name", same),
		to("agent.deployment.environment", "service.environment", same),
		{path: "agent.debug", take: func(d *draft, v value) {
			if isYes(v.text()) {
				d.set(v.place, "log.level", "debug")
			}
		}},
		{path: "agent.run_as_user", why: "start the process as that user"},
		{path: "agent.use_dualstack_endpoint", why: "set the variable AWS_USE_DUALSTACK_ENDPOINT"},

		{path: files + ".*", take: takeFile},
		{path: "logs.log_stream_name", take: func(d *draft, v value) { d.set(v.place, "logs.stream", placeholders(v.text())) }},
		{path: "logs.metrics_collected.emf.service_address", take: takeEMF},
		{path: "logs.metrics_collected.emf.**"},
		{path: "logs.metrics_collected.emf"},
		{path: "logs.metrics_collected.ecs.**", take: task},
		{path: "logs.metrics_collected.ecs", take: task},
		{path: "traces.traces_collected.application_signals", take: signals},
		{path: "logs.metrics_collected.app_signals", take: signals},
		{path: "logs.metrics_collected.application_signals", take: signals},
		{path: "logs.credentials.role_arn", take: takeRole},
		{path: "metrics.credentials.role_arn", take: takeRole},
		{path: "traces.credentials.role_arn", take: takeRole},
		to("logs.region", "aws.region", same),
		to("traces.region_override", "aws.region", same),
		{path: "logs.endpoint_override", why: endpoints},
		{path: "metrics.endpoint_override", why: endpoints},
		{path: "traces.endpoint_override", why: endpoints},
		{path: "logs.logs_collected.windows_events", why: "Windows is not supported"},

		to("metrics.namespace", "metrics.namespace", same),
		{path: "metrics.append_dimensions", why: "metrics.dimensions names service, environment, cluster, task, container or host"},
		{path: "metrics.aggregation_dimensions", why: "every metric has one set of dimensions, metrics.dimensions"},
		{path: systems + "statsd", take: takeStatsD},
		{path: "logs.metrics_collected.prometheus", take: takeAgentPrometheus},
		{path: systems + "otlp", take: takeOTLP},
		{path: "logs.metrics_collected.otlp", take: takeOTLP},
		{path: "logs.logs_collected.otlp", take: takeOTLP},
		{path: "traces.traces_collected.otlp", take: takeOTLP},
		to("traces.traces_collected.xray.bind_address", "receivers.xray.udp", address),
		to("traces.traces_collected.xray.tcp_proxy.bind_address", "receivers.xray.tcp", address),
		{path: "traces.traces_collected.xray"},
	}
	for _, name := range []string{"cpu", "disk", "diskio", "mem", "net", "netstat", "processes", "swap"} {
		rules = append(rules, rule{path: systems + name, take: takeHost})
	}
	return append(rules, nothing(
		"agent.logfile", "agent.aws_sdk_log_level", "agent.quiet", "agent.user_agent", "agent.omit_hostname", "agent.internal",
		"logs.force_flush_interval", "logs.concurrency", "metrics.force_flush_interval", "metrics.metrics_destinations.cloudwatch",
		"traces.concurrency", "traces.buffer_size_mb",
	)...)
}

const endpoints = "aws.endpoint replaces the endpoint of every service; the variables AWS_ENDPOINT_URL_CLOUDWATCH_LOGS and so on that of one"

func takeInterval(d *draft, v value) {
	d.set(v.place, "scrape.interval", seconds(v.text()))
	d.set(v.place, "metrics.interval", seconds(v.text()))
}

// takeEMF reads an address such as udp://0.0.0.0:25888; without a scheme both are
// meant.
func takeEMF(d *draft, v value) {
	network, _, ok := strings.Cut(v.text(), "://")
	for _, n := range []string{"tcp", "udp"} {
		if !ok || n == network {
			d.set(v.place, "receivers.emf."+n, address(v.text()))
		}
	}
}

func takeRole(d *draft, v value) { d.set(v.place, "aws.role_arn", v.text()) }

func signals(d *draft, v value) { d.set(v.place, "traces.application_signals", true) }

func task(d *draft, v value) { d.set(v.place, "scrape.task", "on") }

// takeHost switches the measuring of the machine on. Which of its figures were
// chosen is not carried over: all are measured.
func takeHost(d *draft, v value) {
	d.set(v.place, "scrape.host", "on")
	name := v.path[len(v.path)-1]
	for i := 0; v.node.Kind == yaml.MappingNode && i+1 < len(v.node.Content); i += 2 {
		k, c := v.node.Content[i], v.node.Content[i+1]
		switch k.Value {
		case "measurement", "resources", "totalcpu", "drop_device", "ignore_file_system_types":
			d.note(d.line(k), "%s.%s: all of a machine's figures are measured, under our own names, in Sidelight/Host", name, k.Value)
		case "percpu":
			if isYes(c.Value) {
				d.set(d.line(k), "scrape.per_cpu", true)
			}
		case "metrics_collection_interval":
			d.set(d.line(k), "scrape.interval", seconds(c.Value))
		default:
			d.note(d.line(k), "%s.%s is not carried over", name, k.Value)
		}
	}
}

func takeStatsD(d *draft, v value) {
	if a := v.get("service_address"); a != "" {
		d.set(v.place, "receivers.statsd.udp", address(a))
	}
	if i := v.get("metrics_aggregation_interval"); i != "" && i != "0" {
		d.set(v.place, "metrics.interval", seconds(i))
	}
	d.others(v, "service_address", "metrics_aggregation_interval", "metrics_collection_interval", "allowed_pending_messages")
}

func takeOTLP(d *draft, v value) {
	if a := v.get("grpc_endpoint"); a != "" {
		d.set(v.place, "receivers.otlp.grpc", address(a))
	}
	if a := v.get("http_endpoint"); a != "" {
		d.set(v.place, "receivers.otlp.http", address(a))
	}
	d.others(v, "grpc_endpoint", "http_endpoint")
}

// others notes the keys of v but those that are known.
func (d *draft) others(v value, known ...string) {
	if v.node.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		k := v.node.Content[i]
		found := false
		for _, name := range known {
			found = found || name == k.Value
		}
		if !found {
			d.note(d.line(k), "%s.%s is not carried over", strings.Join(v.path, "."), k.Value)
		}
	}
}

// takeFile carries over one entry of collect_list: a file to follow, and a route
// for its group and stream.
func takeFile(d *draft, v value) {
	path := v.get("file_path")
	if path == "" {
		d.note(v.place, "an entry without file_path is ignored")
		return
	}
	var e, stamp entry
	e.set("include", []string{path})
	layout := v.get("timestamp_format")
	if layout != "" && layout != "auto" {
		stamp.set("layout", strftime(layout))
		if strings.EqualFold(v.get("timezone"), "UTC") {
			stamp.set("zone", "UTC")
		}
		e.set("timestamp", &stamp)
	}
	if p := v.get("multi_line_start_pattern"); p == "{timestamp_format}" && layout != "" {
		var m entry
		m.set("start", likeTime(layout))
		e.set("multiline", &m)
	} else if p != "" && d.regex(v.place, p) {
		var m entry
		m.set("start", p)
		e.set("multiline", &m)
	}
	d.encoding(v, &e)
	d.add("receivers.files", &e)
	d.route(v, path)
	d.filters(v, path)
	d.others(v, "file_path", "log_group_name", "log_stream_name", "retention_in_days", "timestamp_format", "timezone",
		"multi_line_start_pattern", "encoding", "filters", "log_group_class")
	if v.get("log_group_class") != "" {
		d.note(v.place, "log_group_class: logs.class is that of all groups that the agent makes")
	}
}

func (d *draft) encoding(v value, e *entry) {
	switch name := strings.ToLower(v.get("encoding")); name {
	case "", "ascii", "utf-8", "utf8", "nop":
	default:
		d.note(v.place, "encoding %s is not carried over", name)
	}
}

// route sends what comes from path to its own group and stream.
func (d *draft) route(v value, path string) {
	var r entry
	r.set("when", fromFile(path))
	group, stream := v.get("log_group_name"), v.get("log_stream_name")
	if group != "" {
		r.set("group", placeholders(group))
	}
	if stream != "" {
		r.set("stream", placeholders(stream))
	}
	if group != "" || stream != "" {
		d.add("logs.routes", &r)
	}
	if days := v.get("retention_in_days"); days == "-1" {
		d.set(v.place, "logs.retention", "never")
	} else if days != "" {
		d.set(v.place, "logs.retention", days+"d")
	}
}

func (d *draft) filters(v value, path string) {
	list := child(v.node, "filters")
	if list == nil {
		return
	}
	for _, f := range list.Content {
		fv := d.value(f)
		expr := fv.get("expression")
		if !d.regex(fv.place, expr) {
			continue
		}
		not := ""
		switch fv.get("type") {
		case "include":
			not = "not "
		case "exclude":
		default:
			d.note(fv.place, "a filter of type %q is not carried over", fv.get("type"))
			continue
		}
		d.drop("(" + fromFile(path) + " and " + not + "message =~ " + quote(expr) + ")")
	}
}

// fromFile is an expression for what comes from a file, whose name may have
// wildcards.
func fromFile(path string) string {
	if !strings.ContainsAny(path, "*?[{") {
		return "source = " + quote(path)
	}
	var b strings.Builder
	b.WriteByte('^')
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case strings.HasPrefix(path[i:], "**"):
			b.WriteString(".*")
			i++
		case c == '*':
			b.WriteString("[^/]*")
		case c == '?':
			b.WriteString("[^/]")
		case strings.IndexByte(`.+()|^$\{}[]`, c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('$')
	return "source =~ " + quote(b.String())
}

// placeholders writes the CloudWatch agent's placeholders as ours.
func placeholders(s string) string {
	return strings.NewReplacer("{instance_id}", "{host}", "{hostname}", "{host}", "{local_hostname}", "{host}", "{ip_address}", "{host}").Replace(s)
}

// strftime writes the CloudWatch agent's conversions that we spell otherwise.
func strftime(s string) string {
	return strings.NewReplacer("%-m", "%m", "%-d", "%d", "%-H", "%H", "%-I", "%I", "%-M", "%M", "%-S", "%S").Replace(s)
}

// likeTime is a pattern for what a layout writes at the start of a line.
func likeTime(layout string) string {
	var b strings.Builder
	b.WriteByte('^')
	for i := 0; i < len(layout); i++ {
		c := layout[i]
		switch {
		case c == '%' && i+1 < len(layout):
			i++
			for layout[i] == '-' && i+1 < len(layout) {
				i++
			}
			switch layout[i] {
			case 'b', 'B', 'a', 'A', 'p', 'Z':
				b.WriteString(`[A-Za-z]+`)
			case 'z':
				b.WriteString(`[+-]\d{2}:?\d{2}`)
			default:
				b.WriteString(`\d+`)
			}
		case strings.IndexByte(`.+*?()|^$\{}[]`, c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
