package importer

import "go.yaml.in/yaml/v3"

// takePrometheus carries over the jobs of a prometheus receiver. The key config
// holds them in Prometheus' own terms.
func takePrometheus(d *draft, v value) {
	d.others(v, "config")
	cfg := child(v.node, "config")
	if cfg == nil {
		return
	}
	d.others(d.value(cfg), "global", "scrape_configs")
	global := child(cfg, "global")
	if global != nil {
		d.others(d.value(global), "scrape_interval", "scrape_timeout", "evaluation_interval")
	}
	if list := child(cfg, "scrape_configs"); list != nil {
		for _, n := range list.Content {
			d.scrapeJob(d.value(n, "scrape_configs"), global)
		}
	}
}

// scrapeJob carries over one job. What it does not say the global section does.
func (d *draft) scrapeJob(v value, global *yaml.Node) {
	var e entry
	d.copyText(v, &e, "job_name", "job")
	d.jobTargets(v, &e)
	for _, k := range [][2]string{{"scrape_interval", "interval"}, {"scrape_timeout", "timeout"}} {
		if v.get(k[0]) == "" && global != nil {
			d.copyText(d.value(global), &e, k[0], k[1])
			continue
		}
		d.copyText(v, &e, k[0], k[1])
	}
	d.copyText(v, &e, "metrics_path", "path")
	d.copyText(v, &e, "bearer_token_file", "bearer_token_file")
	if c := child(v.node, "authorization"); c != nil {
		d.copyText(d.value(c), &e, "credentials_file", "bearer_token_file")
		d.others(d.value(c), "credentials_file", "type")
	}
	if c := child(v.node, "basic_auth"); c != nil {
		d.basicAuth(d.value(c), &e)
	}
	if c := child(v.node, "tls_config"); c != nil {
		var security entry
		d.copyText(d.value(c), &security, "ca_file", "ca")
		d.copyFlag(d.value(c), &security, "insecure_skip_verify", "insecure")
		d.others(d.value(c), "ca_file", "insecure_skip_verify")
		if len(security.node.Content) > 0 {
			e.set("tls", &security)
		}
	}
	d.copyFlag(v, &e, "honor_timestamps", "honor_timestamps")
	d.others(v, "job_name", "static_configs", "kubernetes_sd_configs", "scheme", "scrape_interval", "scrape_timeout", "metrics_path",
		"bearer_token_file", "authorization", "basic_auth", "tls_config", "honor_timestamps", "relabel_configs", "metric_relabel_configs")
	for _, key := range []string{"relabel_configs", "metric_relabel_configs"} {
		if c := child(v.node, key); c != nil {
			d.note(d.line(c), "%s is not carried over: keep, drop and dimensions of receivers.prometheus choose series and labels", key)
		}
	}
	d.add("receivers.prometheus", &e)
}

// jobTargets carries over where a job's targets are.
func (d *draft) jobTargets(v value, e *entry) {
	var targets []string
	if list := child(v.node, "static_configs"); list != nil {
		for _, n := range list.Content {
			hosts := child(n, "targets")
			if hosts == nil {
				continue
			}
			for _, t := range scalars(hosts) {
				if v.get("scheme") == "https" {
					t = "https://" + t
				}
				targets = append(targets, t)
			}
			if labels := child(n, "labels"); labels != nil {
				d.note(d.line(labels), "labels of targets are not carried over")
			}
		}
	}
	if len(targets) > 0 {
		e.set("targets", targets)
	}
	if c := child(v.node, "kubernetes_sd_configs"); c != nil {
		e.set("discover", "kubernetes")
		d.note(d.line(c), "kubernetes_sd_configs: the pods of the agent's own node are found, by their annotation prometheus.io/scrape")
	}
}

func (d *draft) basicAuth(v value, e *entry) {
	var auth entry
	d.copyText(v, &auth, "username", "username")
	if file := v.get("password_file"); file != "" {
		auth.set("password", "file:"+file)
	} else if v.get("password") != "" {
		auth.set("password", "env:PROMETHEUS_PASSWORD")
		d.note(v.place, "basic_auth: put the password into the variable PROMETHEUS_PASSWORD")
	}
	d.others(v, "username", "password", "password_file")
	e.set("basic_auth", &auth)
}

func (d *draft) copyText(v value, e *entry, from, to string) {
	if text := v.get(from); text != "" {
		e.set(to, text)
	}
}

func (d *draft) copyFlag(v value, e *entry, from, to string) {
	if v.get(from) == "true" {
		e.set(to, true)
	}
}

// takeAgentPrometheus carries over what the CloudWatch agent's file says of
// Prometheus: little, as the jobs stand in a file of their own.
func takeAgentPrometheus(d *draft, v value) {
	if file := v.get("prometheus_config_path"); file != "" {
		d.note(v.place, "prometheus: %s is a file of its own: its scrape_configs become receivers.prometheus", file)
	}
	if c := child(v.node, "ecs_service_discovery"); c != nil {
		var e entry
		e.set("job", "ecs")
		e.set("discover", "ecs")
		if i := child(c, "sd_frequency"); i != nil {
			e.set("interval", seconds(i.Value))
		}
		d.add("receivers.prometheus", &e)
		d.note(d.line(c), "ecs_service_discovery: the containers of the agent's own task are found, by the label ECS_PROMETHEUS_EXPORTER_PORT; other tasks need an agent of their own")
	}
	if c := child(v.node, "emf_processor"); c != nil {
		d.note(d.line(c), "emf_processor: keep, drop, dimensions and namespace of receivers.prometheus choose what is recorded")
	}
	d.others(v, "prometheus_config_path", "ecs_service_discovery", "emf_processor", "log_group_name", "cluster_name")
}
