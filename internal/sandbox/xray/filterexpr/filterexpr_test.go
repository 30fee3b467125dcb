package filterexpr_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/sandbox/xray/filterexpr"
)

// shop is a trace of two services: orders answered 500 after 1.84 s as payments
// failed, and reads a table in between.
func shop() *filterexpr.Trace {
	orders := filterexpr.ID{Name: "orders", Type: "AWS::ECS::Fargate", Account: "111122223333"}
	payments := filterexpr.ID{Name: "payments", Account: "111122223333"}
	table := filterexpr.ID{Name: "tokens", Type: "AWS::DynamoDB::Table"}
	client := filterexpr.ID{Name: "orders", Type: "client"}
	request := filterexpr.HTTP{URL: "http://shop/orders/7", Method: "POST", UserAgent: "curl/8", ClientIP: "10.0.0.9", Status: 500}
	return &filterexpr.Trace{
		Item: filterexpr.Item{
			Fault: true, Inferred: true, Root: true, ResponseTime: 1.84, Duration: 2, HTTP: request,
			Users: []string{"ann", "bob"}, Names: []string{"orders", "payments", "TimeoutError"},
			Types: []string{"AWS::ECS::Fargate"}, Messages: []string{"gateway timed out"},
			Zones: []string{"us-east-1a"}, Instances: []string{"i-01"}, ARNs: []string{"arn:aws:x:1"},
			Annotations: map[string][]any{"tenant": {"a", "b"}, "retries": {2.0}, "vip": {true}, "a.b": {"dot"}, "off": {false}},
		},
		Segments: []filterexpr.Segment{
			{ID: orders, Item: filterexpr.Item{Fault: true, Root: true, ResponseTime: 1.84, HTTP: request, Annotations: map[string][]any{"tenant": {"a"}}}},
			{ID: payments, Item: filterexpr.Item{Error: true, Throttle: true, ResponseTime: 1.7, Annotations: map[string][]any{"tenant": {"b"}}}},
			{ID: payments, Item: filterexpr.Item{OK: true, ResponseTime: 0.1, Partial: true}},
			{ID: table, Item: filterexpr.Item{OK: true, Inferred: true, ResponseTime: 0.003}},
		},
		Calls: []filterexpr.Call{
			{From: client, To: orders, Item: filterexpr.Item{Fault: true, ResponseTime: 1.84}},
			{From: orders, To: payments, Item: filterexpr.Item{Error: true, ResponseTime: 1.71}},
			{From: payments, To: table, Item: filterexpr.Item{OK: true, ResponseTime: 0.003}},
		},
		Causes: filterexpr.Causes{
			Fault: []filterexpr.Cause{{Services: []filterexpr.CauseService{
				{ID: orders, Path: []filterexpr.CauseEntity{{Name: "orders"}, {Name: "pay.internal", Remote: true}}},
				{ID: payments, Path: []filterexpr.CauseEntity{{Name: "payments"}, {Name: "deserialize", Exceptions: []filterexpr.Exception{{Name: "TimeoutError", Message: "gateway timed out"}, {Name: "Wrapped", Message: "again"}}}}},
				{ID: table, Inferred: true, Path: []filterexpr.CauseEntity{{Name: "tokens"}}},
			}}},
			ResponseTime: []filterexpr.Cause{{Services: []filterexpr.CauseService{
				{ID: orders, Path: []filterexpr.CauseEntity{{Name: "orders", Coverage: 1}, {Name: "pay.internal", Remote: true, Coverage: 0.93}}},
				{ID: payments, Path: []filterexpr.CauseEntity{{Name: "payments", Coverage: 0.9}}},
			}}},
		},
	}
}

func TestMatch(t *testing.T) {
	slow, err := filterexpr.Parse("responsetime > 1", filterexpr.Options{})
	if err != nil {
		t.Fatal(err)
	}
	options := filterexpr.Options{Group: func(ref string, byARN bool) (*filterexpr.Expr, bool) {
		return slow, ref == "slow" && !byARN || ref == "arn:slow" && byARN
	}}
	for expr, want := range map[string]bool{
		"fault": true, "!fault": false, "fault = true": true, "fault != true": false, "fault = false": false, "!!fault": true,
		"ok": false, "error": false, "throttle": false, "partial": false, "inferred": true, "root": true, "FAULT": true,
		"responsetime > 1.8": true, "responseTime > 1.84": false, "responsetime >= 1.84": true, "responsetime < 2": true,
		"responsetime <= 1.8": false, "duration = 2": true, "duration != 2": false, "responsetime > .5": true, "responsetime > -1": true, "responsetime < 1e1": true,
		"http.status = 500": true, "http.status >= 500 AND http.status < 600": true, "http.status != 200": true,
		`http.url CONTAINS "orders"`: true, `http.url BEGINSWITH "http://shop"`: true, `http.url ENDSWITH "8"`: false, `http.url contains ""`: true,
		`http.method = "POST"`: true, `http.method != "POST"`: false, `http.useragent = "curl/8"`: true, `http.clientip = "10.0.0.9"`: true,
		`user = "bob"`: true, `user = "eve"`: false, `user CONTAINS ""`: true, `!user = "eve"`: true,
		`name = "payments"`: true, `name = "TimeoutError"`: true, `type BEGINSWITH "AWS::ECS"`: true, `message CONTAINS "timed"`: true,
		`availabilityzone = "us-east-1a"`: true, `instance.id = "i-01"`: true, `resource.arn = "arn:aws:x:1"`: true,
		`annotation.tenant = "b"`: true, `annotation[tenant] = "c"`: false, `annotation["tenant"] = "a"`: true, `annotation.Tenant = "a"`: false,
		`annotation.retries > 1`: true, `annotation.retries = 3`: false, `annotation.retries = "2"`: false, `annotation.vip`: true, `annotation.off`: false,
		`annotation.off = false`: true, `annotation.vip != false`: true, `annotation.vip = false`: false, `annotation[a.b] = "dot"`: true, `annotation.a.b = "dot"`: true,
		`annotation.none != "x"`: false, `!annotation.none = "x"`: true, `annotation.tenant CONTAINS ""`: true, `annotation.none CONTAINS ""`: false,
		`annotation.vip AND fault`: true,
		`service("payments")`:      true, `service("cart")`: false, `!service("cart")`: true, `service()`: true, `service() { throttle }`: true,
		`service("orders") { fault AND responsetime > 1.8 }`: true, `service("orders") { error }`: false,
		`service("payments") { error AND responsetime > 1 }`: true, `service("payments") { ok AND responsetime > 1 }`: false,
		`service("payments") { annotation.tenant = "a" }`: false, `service("payments") { partial }`: true, `service() { inferred AND responsetime < .01 }`: true,
		`service(id(name: "tokens", type: "AWS::DynamoDB::Table"))`: true, `service(id(type: "AWS::DynamoDB::Table")) { fault }`: false,
		`service(id(account.id: "111122223333")) { root }`: true, `service(id(account.id: "0"))`: false,
		`edge("orders", "payments")`: true, `edge("payments", "orders")`: false, `edge("orders", "payments") { error = true }`: true,
		`edge("orders", "payments") { fault }`: false, `edge(id(type: "client"), "orders") { responsetime > 1 }`: true, `edge("payments", id(name: "tokens")) { ok }`: true,
		"ok OR fault AND responsetime > 5": false, "(ok OR fault) AND responsetime > 1": true, "fault OR ok AND responsetime > 5": true, "fault and responsetime > 1": true,
		"fault responsetime >1": true, "ok !partial duration <3": false, "fault !partial duration <3": true, "ok error OR fault root": true, "fault (ok OR error)": false,
		`service("payments") { error responsetime > 1 } http.status = 500`: true,
		`http.url AND responseTime > 1`:                                    true, `http.url !user`: false, `annotation.tenant`: true, `annotation.none`: false, `!annotation.none`: true, `annotation.retries`: true,
		`rootcause.fault.entity { last and name = "deserialize" }`: true, `rootcause.fault.entity { first and name = "deserialize" }`: false,
		`rootcause.responsetime.entity { remote and coverage > 0.7 and name = "pay.internal" }`: true, `rootcause.responsetime.entity { remote and coverage > 0.95 }`: false,
		`rootcause.fault.service { inferred and name = "tokens" and type = "AWS::DynamoDB::Table" }`: true, `rootcause.fault.service { inferred and name = "orders" }`: false,
		`rootcause.fault.service { index > 1 }`: true, `rootcause.fault.service { index > 5 }`: false, `rootcause.fault.service { index = 0 and name = "orders" }`: true,
		`rootcause.responsetime.service { last and type CONTAINS "" }`: false, `rootcause.responsetime.service { last and name = "payments" }`: true,
		`rootcause.fault.exception { last and message = "again" }`: true, `rootcause.fault.exception { last and message = "gateway timed out" }`: false,
		`rootcause.error.service { first }`: false, `!rootcause.error.service { first }`: true, `rootcause.fault.exception { name = "TimeoutError" OR name = "x" } AND fault`: true,
		`rootcause.json = #[{ "Services": [ { "Name": "orders", "EntityPath": [{ "Name": "orders" }, { "Name": "pay.internal" } ] }, { "Name": "payments" } ] }]`: true,
		`rootcause.json = #[{"Services":[{"Name":"orders"}]}]`: false, `rootcause.json != #[{"Services":[{"Name":"orders"}]}] AND fault`: true,
		`rootcause.json = #[{"Services":[{"Name":"x"}]}, {"Services":[{"Name":"orders"},{"EntityPath":[{},{"Exceptions":[{"Message":"gateway timed out"},{}]}]},{"Inferred":true}]}]`: true,
		`group.name = "slow"`: true, `group.arn = "arn:slow"`: true, `group.name != "slow" OR error`: false,
	} {
		e, err := filterexpr.Parse(expr, options)
		if err != nil {
			t.Errorf("Parse(%q): %v", expr, err)
			continue
		}
		if got := e.Match(shop()); got != want {
			t.Errorf("%s = %v, want %v", expr, got, want)
		}
		if e.String() != expr {
			t.Errorf("String() = %q, want %q", e, expr)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for expr, want := range map[string]struct {
		pos int
		msg string
	}{
		"":                                    {1, "expected a keyword, found the end"},
		"fault AND":                           {10, "found the end"},
		"fault nonsense":                      {7, `unknown keyword "nonsense"`},
		"fault 5":                             {7, `unexpected`},
		"fault OR":                            {9, "found the end"},
		"(fault":                              {7, `expected ")"`},
		"fault)":                              {6, `unexpected ")"`},
		"nonsense":                            {1, `unknown keyword "nonsense"`},
		"fault > true":                        {7, "does not apply to a boolean"},
		"fault = 1":                           {9, "expected true or false"},
		"responsetime":                        {13, "needs an operator"},
		`responsetime > "1"`:                  {16, "compared with a number"},
		"responsetime == 1":                   {14, `unknown operator "=="`},
		"responsetime > 1.2.3":                {16, "is not a number"},
		"responsetime > 5s":                   {16, "is not a number"},
		`user > "a"`:                          {6, "needs =, !=, CONTAINS"},
		"user = bob":                          {8, "string in double quotes"},
		"user = 'bob'":                        {8, "double quotes"},
		`user = "bob`:                         {8, "no closing quote"},
		`user = "ä" AND ö`:                    {16, "unexpected character"},
		"annotation. = 1":                     {1, "key is empty"},
		"annotation[] = 1":                    {12, "key is empty"},
		"annotation[x = 1":                    {12, "no closing bracket"},
		`annotation.x > "a"`:                  {16, "does not apply"},
		`annotation.x CONTAINS 1`:             {23, "does not apply"},
		`annotation.x < true`:                 {16, "does not apply"},
		`service("a" { fault }`:               {13, `expected ")"`},
		`service("a") { fault`:                {21, `expected "}"`},
		`service("a") { service("b") }`:       {16, "cannot stand inside"},
		`service(a)`:                          {9, "expected a service name"},
		`edge("a")`:                           {9, `expected ","`},
		`edge("a", "b"`:                       {14, `expected ")"`},
		`id(name: "a")`:                       {1, "id can only stand inside"},
		`service(id(nom: "a"))`:               {12, "id() takes name"},
		`service(id(name: "a", name: "b"))`:   {23, "twice"},
		`service(id(name: a))`:                {18, "string in double quotes"},
		"first":                               {1, `first can only stand inside of rootcause`},
		"fault AND remote":                    {11, `remote can only stand inside of rootcause`},
		`rootcause.fault.service { x }`:       {27, `x cannot stand here; what can is first, last, index, name, type, inferred`},
		`rootcause.fault.service`:             {24, "expected a condition in braces"},
		`rootcause.fault { first }`:           {1, "is not rootcause.json or one of"},
		`rootcause.slow.service { first }`:    {1, "is not rootcause.json or one of"},
		`rootcause.responsetime.exception {}`: {1, "is not rootcause.json or one of"},
		`rootcause.fault.entity { coverage > 1 }`:         {26, "coverage cannot stand here"},
		`rootcause.fault.entity { annotation.x }`:         {26, "annotation.x cannot stand here"},
		`rootcause.fault.service { service("a") }`:        {27, "service cannot stand here"},
		`service("a") { rootcause.fault.service{first} }`: {16, "unknown keyword"},
		`service("a") { first }`:                          {16, `first can only stand inside of rootcause`},
		`rootcause.json`:                                  {15, "needs = or !="},
		`rootcause.json = "x"`:                            {18, "expected #["},
		`rootcause.json = #{"Services":[]}`:               {18, "list of root causes in JSON"},
		`rootcause.json = #[{"Service":[]}]`:              {18, "unknown field"},
		`rootcause.json = #[`:                             {18, "in JSON"},
		`json = "{}"`:                                     {1, `unknown keyword "json"`},
		`group.name = "x"`:                                {1, "cannot be used here"},
		`group.size = "x"`:                                {1, "unknown keyword"},
		strings.Repeat("(", 200):                          {101, "nested more than 100 deep"},
		strings.Repeat("!", 100000) + "fault":             {101, "nested more than 100 deep"},
	} {
		_, err := filterexpr.Parse(expr, filterexpr.Options{})
		e, ok := errors.AsType[*filterexpr.Error](err)
		if !ok {
			t.Errorf("Parse(%q) error = %v, want a *filterexpr.Error", clip(expr), err)
			continue
		}
		if e.Pos != want.pos || !strings.Contains(e.Msg, want.msg) {
			t.Errorf("Parse(%q): %v, want %q at position %d", clip(expr), e, want.msg, want.pos)
		}
	}
}

func TestUnknownGroup(t *testing.T) {
	none := filterexpr.Options{Group: func(string, bool) (*filterexpr.Expr, bool) { return nil, false }}
	_, err := filterexpr.Parse(`group.name = "x"`, none)
	if err == nil || !strings.Contains(err.Error(), `there is no group "x" at position 14`) {
		t.Errorf("error = %v", err)
	}
}

func TestSelector(t *testing.T) {
	a, b := filterexpr.ID{Name: "a", Type: "T"}, filterexpr.ID{Name: "b"}
	for src, want := range map[string][3]bool{ // a, b, a→b
		`service("a")`:                       {true, false, false},
		`service()`:                          {true, true, false},
		`id(name: "b")`:                      {false, true, false},
		`edge("a", "b")`:                     {false, false, true},
		`edge("b", "a")`:                     {false, false, false},
		`id(type:"T") OR edge("a","b")`:      {true, false, true},
		`service(id(name:"a",type:"other"))`: {false, false, false},
	} {
		s, err := filterexpr.ParseSelector(src)
		if err != nil {
			t.Errorf("ParseSelector(%q): %v", src, err)
			continue
		}
		if got := [3]bool{s.Node(a), s.Node(b), s.Edge(a, b)}; got != want {
			t.Errorf("ParseSelector(%q) chooses %v, want %v", src, got, want)
		}
	}
	for _, src := range []string{"", "fault", `service("a") { fault }`, `service("a") OR`, `edge("a")`, `"`} {
		if _, err := filterexpr.ParseSelector(src); err == nil {
			t.Errorf("ParseSelector(%q) succeeded", src)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`fault AND service("a") { responsetime > 2 } OR !annotation[k] = "v\"w"`,
		`edge(id(name:"a", type:"b"), "c") {http.status = 500}`, `annotation.x`, `group.name = "x"`, `((!ok))`, `rootcause.fault.entity { last and name = "a" } OR !rootcause.json != #[{"Services":[]}] fault`, "\xff", `user = "`,
	} {
		f.Add(s)
	}
	trace := shop()
	f.Fuzz(func(t *testing.T, src string) {
		if s, err := filterexpr.ParseSelector(src); err == nil {
			s.Node(trace.Segments[0].ID)
		}
		e, err := filterexpr.Parse(src, filterexpr.Options{})
		if err != nil {
			if p, ok := errors.AsType[*filterexpr.Error](err); !ok || p.Pos < 1 || p.Pos > len(src)+1 {
				t.Fatalf("Parse(%q) error %v has no place in it", src, err)
			}
			return
		}
		got := e.Match(trace)
		not, err := filterexpr.Parse("!("+src+")", filterexpr.Options{})
		if err != nil {
			return // one level deeper than allowed
		}
		if not.Match(trace) == got {
			t.Fatalf("%q and its negation are both %v", src, got)
		}
	})
}

func clip(s string) string { return s[:min(len(s), 40)] }
