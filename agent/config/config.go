// Package config turns sidelight.yaml and the environment into one typed
// configuration. Decoding is strict: an unknown key or a value that cannot be is
// an error with its place and the nearest valid word, and all of them are
// reported at once. Every value remembers where it came from.
//
// Low to high: defaults, what the platform says, the file, the environment.
package config

import (
	"time"
)

// Config is the agent's whole configuration. The tags name the keys of the
// file and describe them in the output of config show.
type Config struct {
	Service   Service   `key:"service" doc:"what this agent runs beside"`
	AWS       AWS       `key:"aws" doc:"where and as whom to call AWS"`
	Receivers Receivers `key:"receivers" doc:"what is listened to; an address or off"`
	Scrape    Scrape    `key:"scrape" doc:"what is measured"`
	Logs      Logs      `key:"logs" doc:"where log events go, and what is done with them"`
	Metrics   Metrics   `key:"metrics" doc:"where measurements go"`
	Traces    Traces    `key:"traces" doc:"how traces are translated, and where they go"`
	OTLP      OTLPOut   `key:"otlp" doc:"the endpoint that via: otlp means, and also without one of its own"`
	Queue     Queue     `key:"queue" doc:"what is held while AWS does not take it"`
	Shutdown  Shutdown  `key:"shutdown"`
	Status    Status    `key:"status" doc:"the agent's own health"`
	Log       Log       `key:"log" doc:"the agent's own log, on standard error unless it has a file"`
}

// Service names what the agent runs beside.
type Service struct {
	Name        string `key:"name" doc:"default: OTEL_SERVICE_NAME, task family, deployment, host"`
	Environment string `key:"environment" doc:"default: deployment.environment.name of OTEL_RESOURCE_ATTRIBUTES"`
}

// AWS says where and as whom to call AWS.
type AWS struct {
	Region   string `key:"region" doc:"auto: AWS_REGION, the task's ARN, shared files"`
	Profile  string `key:"profile"`
	RoleARN  string `key:"role_arn" doc:"a role to assume"`
	Endpoint string `key:"endpoint" doc:"replaces every service's endpoint: a sandbox"`
	// Proxy leaves out what is asked for credentials on this machine and its link.
	Proxy    ProxyURL `key:"proxy" doc:"an HTTP proxy for all calls to AWS, such as http://proxy:3128; empty: HTTPS_PROXY and NO_PROXY decide"`
	Insecure bool     `key:"insecure" doc:"do not check the certificates of AWS's endpoints: whoever is on the way can read and change everything"`
	Metadata bool     `key:"metadata" doc:"ask the machine's metadata service (IMDS) for the region where nothing else says it"`
	Prices   string   `key:"prices" doc:"file of what AWS charges here, for max_monthly and sidelight cost: sidelight cost prices prints one. Default: list prices of us-east-1"`
}

// Receivers are the listeners and files.
type Receivers struct {
	OTLP       OTLP         `key:"otlp"`
	XRay       XRay         `key:"xray"`
	Forward    Forward      `key:"forward"`
	Files      []Files      `key:"files" doc:"files to follow"`
	Journald   Journald     `key:"journald" short:"read" doc:"the journal of systemd"`
	Syslog     Syslog       `key:"syslog"`
	Lines      Lines        `key:"lines" doc:"log events as lines over TCP and UDP"`
	EMF        EMF          `key:"emf" doc:"documents in the embedded metric format"`
	StatsD     StatsD       `key:"statsd"`
	Prometheus []Prometheus `key:"prometheus" doc:"targets to scrape"`
	Exec       Exec         `key:"exec" doc:"the output of the command that the agent runs"`
}

// OTLP listens for OpenTelemetry's protocol.
type OTLP struct {
	GRPC       Address  `key:"grpc"`
	HTTP       Address  `key:"http"`
	Unix       Address  `key:"unix" doc:"path of a socket for HTTP"`
	Dimensions []string `key:"dimensions" doc:"attributes of resources that become dimensions of their metrics, beside service"`
}

// XRay listens as the X-Ray daemon does.
type XRay struct {
	UDP Address `key:"udp"`
	TCP Address `key:"tcp" doc:"the proxy for sampling rules"`
}

// StatsD listens for StatsD and DogStatsD.
type StatsD struct {
	UDP    Address    `key:"udp"`
	Unix   Address    `key:"unix" doc:"path of a socket for datagrams"`
	Stream Address    `key:"stream" doc:"path of a socket for connections, on which each message has its length before it"`
	Events EventsMode `key:"events" doc:"count or logs: what becomes of events and service checks"`
}

// Scrape says what is measured and how often.
type Scrape struct {
	Interval time.Duration `key:"interval" min:"1s" max:"1h"`
	Host     Switch        `key:"host" doc:"the machine: auto, on or off"`
	PerCPU   bool          `key:"per_cpu" doc:"each CPU of the machine too: six more series for each"`
	// Connections reads the kernel's list of all sockets.
	Connections bool `key:"connections" doc:"TCP connections by state and UDP sockets: 13 more series"`
	// Root is for a DaemonSet.
	Root   string `key:"root" doc:"where the host's file system is mounted, such as /host; empty: the agent sees the host itself"`
	Cgroup Switch `key:"cgroup" doc:"the agent's own container: auto, on or off"`
	Task   Switch `key:"task" doc:"the ECS task and its containers: auto (on ECS), on or off"`
	Agent  bool   `key:"agent" doc:"the agent itself, in Sidelight/Agent: what it took, delivered and lost, and what it costs"`
	Names  Names  `key:"names" doc:"sidelight, cwagent (the machine), container-insights (the task) or otel; what a family lacks has sidelight's names"`

	Kubelet   Kubelet  `key:"kubelet" short:"read" doc:"the node and its pods"`
	Processes []string `key:"processes" doc:"names of programs, such as nginx: CPU, memory, threads and files of each"`
}

// Kubelet says how a node of Kubernetes and its pods are measured.
type Kubelet struct {
	Read     Switch `key:"read" doc:"auto (where NODE_IP and a service account's token are), on or off"`
	Endpoint string `key:"endpoint" doc:"default https://NODE_IP:10250; or the API server's proxy, https://SERVER/api/v1/nodes/NODE/proxy"`
	Token    string `key:"token" doc:"file with the bearer token; default that of the service account"`
	CA       string `key:"ca" doc:"file with the certificates that sign the kubelet's; default that of the service account"`
	Insecure bool   `key:"insecure" doc:"do not check the kubelet's certificate"`
	CAdvisor bool   `key:"cadvisor" doc:"what its cAdvisor knows too, such as throttling, I/O and lost packets: up to 25 more series for each container and 6 for each pod"`
}

// Metrics says where measurements go.
type Metrics struct {
	Via        MetricsVia    `key:"via" doc:"api (PutMetricData), emf (documents in CloudWatch Logs), otlp (to the endpoint of otlp) or none"`
	Also       []Also        `key:"also" doc:"further destinations"`
	EMFGroup   Template      `key:"emf_group" doc:"log group of what goes by emf"`
	Expose     bool          `key:"expose" doc:"show all metrics on /metrics of the status address"`
	Namespace  string        `key:"namespace" doc:"of measurements that name none"`
	Interval   time.Duration `key:"interval" min:"1s" max:"1h"`
	Dimensions []string      `key:"dimensions" doc:"put on every metric: service, environment, cluster, task, container, host"`
	MaxSeries  int           `key:"max_series" min:"1" max:"1000000" doc:"series of all metrics together; more are summed into one for each metric"`

	MaxSeriesPerMetric int     `key:"max_series_per_metric" min:"1" max:"1000000" doc:"series of one metric; a rule may say otherwise for some"`
	MaxMonthly         Dollars `key:"max_monthly" doc:"USD a month for series, at the prices of aws.prices; those beyond it are summed into one. 0: no limit"`

	Rules   []MetricRule    `key:"rules" doc:"change, drop and roll up metrics, first to last; each sees what those before it made"`
	Derived []DerivedMetric `key:"derived" doc:"metrics that are computed from others with the same dimensions"`
}

// Traces says how traces are translated, counted and sampled.
type Traces struct {
	Via     TracesVia `key:"via" doc:"segments (PutTraceSegments), otlp (spans as they were sent, to the endpoint of otlp) or both"`
	Also    []Also    `key:"also" doc:"further destinations"`
	Indexed []string  `key:"indexed_attributes" doc:"attributes that become searchable annotations"`
	// Endpoint is for X-Ray alone: aws.endpoint is for all services.
	Endpoint ServiceURL `key:"endpoint" doc:"X-Ray's endpoint, such as that of a VPC endpoint; empty: the region's"`

	Sample             TraceSample `key:"sample" short:"rate" doc:"which traces go on, whole"`
	Telemetry          Telemetry   `key:"telemetry" short:"send" doc:"records for X-Ray about the agent, as its daemon sends them"`
	SpanMetrics        bool        `key:"span_metrics" doc:"requests, errors, faults, throttles and latency of each operation, in Sidelight/Traces"`
	ApplicationSignals bool        `key:"application_signals" doc:"the same in the form of CloudWatch Application Signals"`
	LinkLogs           bool        `key:"link_logs" doc:"segments name the log group of their service's logs, for X-Ray's console, unless their sender names some"`
	MaxRoutes          int         `key:"max_routes" min:"1" max:"10000" doc:"operations of each service; more are counted as OtherRoute"`
}

// Telemetry is what PutTelemetryRecords is told.
type Telemetry struct {
	Send        bool   `key:"send" doc:"each minute: how many segments came, left and were lost; needs xray:PutTelemetryRecords"`
	ResourceARN string `key:"resource_arn" doc:"ARN of what runs the agent"`
	Hostname    string `key:"hostname" doc:"default: the machine's, if aws.metadata allows to ask"`
	InstanceID  string `key:"instance_id" doc:"default: the machine's, if aws.metadata allows to ask"`
}

// Queue says what is held while AWS does not take it.
type Queue struct {
	Dir     string  `key:"dir" doc:"auto: /var/lib/sidelight if it can be written, else memory"`
	Memory  Bytes   `key:"memory" min:"1MiB" doc:"bodies held in memory, all queues together"`
	Disk    Bytes   `key:"disk" min:"16MiB" doc:"bytes of files, for each queue"`
	Durable Durable `key:"durable" doc:"always: on disk before it is acknowledged; spill: when delivery lags and at stop; memory: never"`
	Fsync   bool    `key:"fsync" doc:"survive power loss too, at the cost of latency"`
	// SetAside bounds what is kept of events that AWS refused for good.
	SetAside Bytes `key:"set_aside" doc:"bytes of events that AWS refused for good, kept to be seen and sent again; 0: none"`
}

// Shutdown bounds the stop.
type Shutdown struct {
	Grace time.Duration `key:"grace" min:"1s" max:"15m" doc:"less than the platform's kill delay"`
	Quiet time.Duration `key:"quiet" min:"0s" max:"1m" doc:"intake closes after this long without data"`
}

// Status is the agent's own interface.
type Status struct {
	Listen Address `key:"listen" doc:"health, readiness, /metrics and /status over HTTP"`
}

// Log shapes the agent's own log.
type Log struct {
	Level  Level  `key:"level" doc:"debug, info, warn or error"`
	Format Format `key:"format" doc:"text or json"`
	File   string `key:"file" doc:"a file to write it to instead"`
	Rotate Bytes  `key:"rotate" doc:"bytes at which the file becomes FILE.1 and a new one begins; 0: never"`
}

// Default returns the configuration of an agent that was told nothing.
func Default() Config {
	return Config{
		AWS: AWS{Region: "auto"},
		Receivers: Receivers{
			OTLP:     OTLP{GRPC: "127.0.0.1:4317", HTTP: "127.0.0.1:4318", Unix: Off},
			XRay:     XRay{UDP: "127.0.0.1:2000", TCP: "127.0.0.1:2000"},
			Forward:  Forward{TCP: "127.0.0.1:24224", Unix: "auto", FireLens: "auto", Format: "record"},
			Journald: Journald{Read: "auto"},
			Syslog:   Syslog{TCP: Off, UDP: Off, Unix: Off, Zone: "UTC", MaxMessage: 1 << 20},
			Lines:    Lines{TCP: Off, UDP: Off, Format: "json", MaxLine: 1 << 20},
			EMF:      EMF{TCP: "127.0.0.1:25888", UDP: "127.0.0.1:25888"},
			StatsD:   StatsD{UDP: "127.0.0.1:8125", Unix: Off, Stream: Off, Events: "count"},
			Exec:     Exec{Format: "plain"},
		},
		Scrape: Scrape{Interval: time.Minute, Host: "auto", Cgroup: "auto", Task: "auto", Names: "sidelight", Kubelet: Kubelet{Read: "auto"}},
		Logs: Logs{
			Group: "/sidelight/{service}", Stream: "{source}/{host}", Retention: 30,
			Sample: Sample{Trace: 100, Debug: 100, Info: 100, Notice: 100, Warn: 100, Error: 100},
			Redact: Redact{Action: "mask"}, Oversize: "split", Via: "cloudwatch", Class: "standard",
		},
		Metrics: Metrics{
			Via: "api", EMFGroup: "/sidelight/{service}/metrics", Expose: true, Namespace: "Sidelight", Interval: time.Minute,
			Dimensions: []string{"service", "environment"}, MaxSeries: 2000, MaxSeriesPerMetric: 500,
		},
		Traces: Traces{
			Via: "segments", SpanMetrics: true, LinkLogs: true, MaxRoutes: 100,
			Sample: TraceSample{Rate: 100, KeepErrors: true, Senders: "respect", Wait: 10 * time.Second, Memory: 16 << 20},
		},
		OTLP:  OTLPOut{Endpoint: AWSEndpoint, Compression: "gzip"},
		Queue: Queue{Dir: "auto", Memory: 32 << 20, Disk: 512 << 20, Durable: "always", SetAside: 16 << 20},
		Shutdown: Shutdown{
			Grace: 25 * time.Second, Quiet: time.Second,
		},
		Status: Status{Listen: "127.0.0.1:13133"},
		Log:    Log{Level: "info", Format: "text", Rotate: 50 << 20},
	}
}
