package xraydoc

import (
	"bytes"

	"github.com/sidelight-dev/sidelight/internal/otlpwire"
)

// Resource is a sender, prepared for translation. It borrows the attributes'
// memory. The zero Resource says nothing about the sender but that; it is
// scratch memory for one goroutine.
type Resource struct {
	attrs   []otlpwire.Attr
	indexed []bool // by attribute: it is an annotation of segments

	service, version, account, language []byte
	origin                              string
	elsewhere                           bool   // in a cloud that is not AWS
	aws                                 []byte // members of the aws block
	twice                               twice
}

// Service returns the sender's service.name, nil if it did not say one.
func (r *Resource) Service() []byte { return r.service }

// Prepare makes r the sender with the given attributes.
func (t *Translator) Prepare(r *Resource, attrs []otlpwire.Attr) {
	*r = Resource{indexed: r.indexed[:0], aws: r.aws[:0], twice: r.twice}
	r.attrs = r.twice.without(attrs)
	annotations := 0
	for i, a := range r.attrs {
		is := (t.cfg.IndexAll || len(t.indexed) > 0 && t.indexed[resourcePrefix+string(a.Key)]) && isAnnotation(a)
		if is = is && annotations < maxAnnotations && !r.hasKey(i); is {
			annotations++
		}
		r.indexed = append(r.indexed, is)
	}
	r.service = r.text("service.name")
	r.account = r.text("cloud.account.id")
	r.language = r.text("telemetry.sdk.language")
	r.version = r.versionOf()
	cloud := r.text("cloud.provider")
	r.elsewhere = len(cloud) > 0 && string(cloud) != "aws"
	if !r.elsewhere {
		r.origin = originOf(string(r.text("cloud.platform")), string(r.text("aws.ecs.launchtype")))
	}
	w := writer{dst: append(r.aws, '{')}
	r.place(&w)
	t.logs(r, &w)
	r.sdk(&w)
	r.aws = w.dst[:copy(w.dst, w.dst[1:])] // without the brace
}

// hasKey reports whether one of the annotations before attribute i has its key.
func (r *Resource) hasKey(i int) bool {
	same := func(a, b []byte) bool {
		if len(a) != len(b) {
			return false
		}
		for j := range a {
			if inKey(a[j]) != inKey(b[j]) {
				return false
			}
		}
		return true
	}
	for j, is := range r.indexed {
		if is && same(r.attrs[j].Key, r.attrs[i].Key) {
			return true
		}
	}
	return false
}

func (r *Resource) value(name string) otlpwire.Value {
	for i := range r.attrs {
		if string(r.attrs[i].Key) == name {
			return r.attrs[i].Value
		}
	}
	return otlpwire.Value{}
}

func (r *Resource) text(name string) []byte { return textOf(r.value(name)) }

func (r *Resource) versionOf() []byte {
	if v := r.text("service.version"); len(v) > 0 {
		return v
	}
	var first []byte
	if tags := r.value("container.image.tags"); tags.Kind == otlpwire.Array {
		tags.Each(func(a otlpwire.Attr) bool { first = textOf(a.Value); return false })
	}
	return orElse(first, r.text("container.image.tag"))
}

// originOf is the type of AWS resource that a platform is.
func originOf(platform, launch string) string {
	switch platform {
	case "aws_app_runner":
		return "AWS::AppRunner::Service"
	case "aws_eks":
		return "AWS::EKS::Container"
	case "aws_elastic_beanstalk":
		return "AWS::ElasticBeanstalk::Environment"
	case "aws_ec2":
		return "AWS::EC2::Instance"
	case "aws_ecs":
		switch launch {
		case "ec2":
			return "AWS::ECS::EC2"
		case "fargate":
			return "AWS::ECS::Fargate"
		}
		return "AWS::ECS::Container"
	}
	return ""
}

// place writes where the sender runs.
func (r *Resource) place(w *writer) {
	platform := string(r.text("cloud.platform"))
	host, cluster := r.text("host.id"), r.text("k8s.cluster.name")
	zone := r.text("cloud.availability_zone")
	if platform == "aws_ec2" || len(host) > 0 {
		s, i := w.open("ec2")
		w.text("instance_id", host)
		w.text("instance_size", r.text("host.type"))
		w.text("ami_id", r.text("host.image.id"))
		w.text("availability_zone", zone)
		w.shut(s, i)
	}
	if platform == "aws_ecs" {
		s, i := w.open("ecs")
		w.text("container", r.text("container.name"))
		w.text("container_id", r.text("container.id"))
		w.text("container_arn", r.text("aws.ecs.container.arn"))
		w.text("cluster_arn", r.text("aws.ecs.cluster.arn"))
		w.text("task_arn", r.text("aws.ecs.task.arn"))
		w.text("task_family", r.text("aws.ecs.task.family"))
		w.text("launch_type", r.text("aws.ecs.launchtype"))
		w.text("availability_zone", zone)
		w.shut(s, i)
	}
	if id := r.value("service.instance.id"); platform == "aws_elastic_beanstalk" && id.Kind != otlpwire.Empty {
		s, i := w.open("elastic_beanstalk")
		w.text("environment_name", r.text("service.namespace"))
		deployment, _ := id.AsInt()
		w.number("deployment_id", deployment)
		w.text("version_label", r.text("service.version"))
		w.shut(s, i)
	}
	if platform == "aws_eks" || len(cluster) > 0 {
		s, i := w.open("eks")
		w.text("cluster_name", cluster)
		w.text("pod", r.text("k8s.pod.name"))
		w.text("container_id", r.text("container.id"))
		w.shut(s, i)
	}
}

// logs writes the log groups to search for the trace: the console shows their
// events beside it.
func (t *Translator) logs(r *Resource, w *writer) {
	start := len(w.dst)
	w.name("cloudwatch_logs")
	w.dst = append(w.dst, '[')
	n := 0
	add := func(group, arn []byte) {
		if len(group) == 0 && len(arn) == 0 {
			return
		}
		n++
		w.comma()
		w.dst = append(w.dst, '{')
		w.text("log_group", group)
		w.text("arn", arn)
		w.dst = append(w.dst, '}')
	}
	each(r.value("aws.log.group.arns"), func(arn []byte) { add(groupOf(arn), arn) })
	if n == 0 {
		each(r.value("aws.log.group.names"), func(name []byte) { add(name, nil) })
	}
	if n == 0 && t.cfg.LogGroup != nil {
		name, arn := t.cfg.LogGroup(string(r.service))
		add([]byte(name), []byte(arn))
	}
	if n == 0 {
		for _, name := range t.cfg.LogGroups {
			add([]byte(name), nil)
		}
	}
	if n == 0 {
		w.dst = w.dst[:start]
		return
	}
	w.dst = append(w.dst, ']')
}

// each calls f with the texts of a list, or the parts of a text between
// ampersands.
func each(v otlpwire.Value, f func([]byte)) {
	switch v.Kind {
	case otlpwire.Array:
		v.Each(func(a otlpwire.Attr) bool { f(textOf(a.Value)); return true })
	case otlpwire.String:
		for part := range bytes.SplitSeq(v.Raw, []byte{'&'}) {
			f(part)
		}
	}
}

// groupOf returns the log group's name in its ARN, the seventh part.
func groupOf(arn []byte) []byte {
	parts := bytes.SplitN(arn, []byte{':'}, 8)
	if len(parts) < 7 {
		return nil
	}
	return parts[6]
}

// sdk writes what recorded the trace.
func (r *Resource) sdk(w *writer) {
	s, i := w.open("xray")
	if name := r.text("telemetry.sdk.name"); len(name) > 0 {
		full := append([]byte(nil), name...)
		if len(r.language) > 0 {
			full = append(append(full, " for "...), r.language...)
		}
		w.text("sdk", full)
	}
	w.text("sdk_version", r.text("telemetry.sdk.version"))
	auto := r.value("telemetry.auto.version").Kind != otlpwire.Empty || r.value("telemetry.distro.version").Kind != otlpwire.Empty
	w.boolean("auto_instrumentation", auto)
	w.shut(s, i)
}
