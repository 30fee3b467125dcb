package config

import "time"

// Forward listens for Fluentd's protocol.
type Forward struct {
	TCP  Address `key:"tcp"`
	Unix Address `key:"unix" doc:"path of the socket; auto: as FireLens wants it, if it is there"`
	// FireLens is the path of a file, or auto or off.
	TLS       TLS          `key:"tls" doc:"spoken over TCP"`
	SharedKey Secret       `key:"shared_key" doc:"what peers must know: the text, env:NAME or file:PATH"`
	Users     Users        `key:"users" doc:"names and passwords, of which peers must know one; passwords as shared_key"`
	FireLens  Address      `key:"firelens" doc:"the configuration that ECS generates for a router: a path, off, or auto: /fluent-bit/etc/fluent-bit.conf if it is there"`
	Format    RecordFormat `key:"format" doc:"of the member log: record (leave it), docker (join pieces), json, logfmt or regex"`
	Pattern   Pattern      `key:"pattern" doc:"of the format regex: named groups become members"`
	Timestamp Timestamp    `key:"timestamp" short:"key"`
	Multiline Multiline    `key:"multiline" short:"stacks"`
}

// Exec is the output of the command that the agent runs.
type Exec struct {
	Format    ContentFormat `key:"format" doc:"plain, json, logfmt or regex"`
	Pattern   Pattern       `key:"pattern" doc:"of the format regex: named groups become members"`
	Timestamp Timestamp     `key:"timestamp" short:"key" doc:"the member that holds the time"`
	Multiline Multiline     `key:"multiline" short:"stacks" doc:"which lines are one event"`
}

// Files is one set of files to follow.
type Files struct {
	Include   []string      `key:"include" doc:"globs; ** stands for any folders"`
	Exclude   []string      `key:"exclude"`
	Start     Start         `key:"start" doc:"where to begin in files that are there at the first start: beginning or end"`
	Watch     Watch         `key:"watch" doc:"how changes are noticed: auto (the kernel tells where it can) or poll"`
	Encoding  Encoding      `key:"encoding" doc:"auto (what the byte order mark says, else utf-8), utf-8, utf-16le, utf-16be, latin-1 or windows-1252"`
	Format    LineFormat    `key:"format" doc:"plain, json, logfmt, regex, cri or docker"`
	Content   ContentFormat `key:"content" doc:"of what is in the envelope of cri and docker: plain, json, logfmt or regex"`
	Pattern   Pattern       `key:"pattern" doc:"of the format regex: named groups become members"`
	Timestamp Timestamp     `key:"timestamp" short:"key" doc:"the member that holds the time"`
	Multiline Multiline     `key:"multiline" short:"stacks" doc:"which lines are one event"`
}

// Timestamp says where events carry their time and how it is written.
type Timestamp struct {
	Key    string `key:"key" doc:"member of documents that holds the time; without it the start of lines"`
	Layout Layout `key:"layout" doc:"rfc3339, unix, unix_ms, %Y-%m-%d %H:%M:%S, or a layout of Go"`
	Zone   Zone   `key:"zone" doc:"of times that name none, such as Europe/Berlin"`
}

// On reports whether t says anything.
func (t Timestamp) On() bool { return t != Timestamp{} }

// Multiline says which lines are one event.
type Multiline struct {
	Start    Regexp        `key:"start" doc:"what first lines match"`
	Continue Regexp        `key:"continue" doc:"what lines match that go on with the one before"`
	Stacks   []Stack       `key:"stacks" doc:"stack traces to keep together: auto, go, java, python, node or dotnet"`
	Wait     time.Duration `key:"wait" min:"0s" max:"1m" doc:"for the next line; default 1s"`
}

// On reports whether m says anything.
func (m Multiline) On() bool { return m.Start != "" || m.Continue != "" || len(m.Stacks) > 0 }

// Logs says where log events go and what is done with them on their way.
type Logs struct {
	Via       LogsVia   `key:"via" doc:"cloudwatch (PutLogEvents) or otlp (to the endpoint of otlp)"`
	Also      []Also    `key:"also" doc:"further destinations"`
	Group     Template  `key:"group"`
	Stream    Template  `key:"stream"`
	Retention Retention `key:"retention" doc:"of groups that the agent makes: days, or never"`
	Class     LogClass  `key:"class" doc:"of groups that the agent makes: standard, infrequent_access or delivery"`
	Tags      Templates `key:"tags" doc:"of groups that the agent makes: names and values; placeholders as in group"`
	KMSKey    KMSKey    `key:"kms_key" doc:"ARN of the key that encrypts groups that the agent makes"`
	Gzip      bool      `key:"gzip" doc:"compress requests: a fifth of the bytes for more CPU"`

	Keep       Expr      `key:"keep" doc:"events that go on, such as level >= info"`
	Drop       Expr      `key:"drop" doc:"events that do not"`
	Sample     Sample    `key:"sample" doc:"the part of the events of each level that goes on"`
	RateLimit  RateLimit `key:"rate_limit" short:"per_second"`
	MaxMonthly Dollars   `key:"max_monthly" doc:"USD a month, at the prices of aws.prices; when it is spent, events below warn are left out. 0: no limit"`
	Redact     Redact    `key:"redact" short:"what"`
	Fields     Fields    `key:"fields" doc:"members of JSON documents"`
	TraceIDs   []string  `key:"trace_ids" doc:"members with W3C trace ids, which take the form of X-Ray"`
	Routes     []Route   `key:"routes" doc:"events that go elsewhere; the first route that means one holds"`
	Oversize   Oversize  `key:"oversize" doc:"what is too large for CloudWatch: split, truncate or drop"`
}

// Sample says which part of the events goes on, by level. What is worse than an
// error always does.
type Sample struct {
	Trace  Percent `key:"trace"`
	Debug  Percent `key:"debug"`
	Info   Percent `key:"info" doc:"also of events that name no level"`
	Notice Percent `key:"notice"`
	Warn   Percent `key:"warn"`
	Error  Percent `key:"error"`
}

// On reports whether s leaves anything out.
func (s Sample) On() bool {
	return min(s.Trace, s.Debug, s.Info, s.Notice, s.Warn, s.Error) < 100
}

// RateLimit bounds the events of each source: of a file, of a tag.
type RateLimit struct {
	PerSecond int `key:"per_second" min:"0" max:"10000000" doc:"events of each source; 0: no limit"`
	Burst     int `key:"burst" min:"0" max:"100000000" doc:"at once; default those of one second"`
}

// Redact says what is taken out of log events.
type Redact struct {
	What   []Finder `key:"what" doc:"email, card, aws_key, jwt, bearer, or regular expressions"`
	Action Action   `key:"action" doc:"mask, hash or remove"`
	Salt   string   `key:"salt" doc:"mixed into hashes"`
}

// Fields edits the members of JSON documents.
type Fields struct {
	Add    Templates `key:"add" doc:"names and values; placeholders as in group"`
	Rename Renames   `key:"rename" doc:"old and new names"`
	Remove []string  `key:"remove"`
}

// Route sends events elsewhere.
type Route struct {
	When   Expr     `key:"when" doc:"which events, such as level >= error"`
	Group  Template `key:"group" doc:"default: as without the route"`
	Stream Template `key:"stream" doc:"default: as without the route"`
}
