package prometheus_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver/prometheus"
)

// recorder keeps what is recorded, as text.
type recorder struct {
	mu    sync.Mutex
	lines []string
}

func (r *recorder) Record(m *sidelight.Measurement) {
	var dims []string
	for _, d := range m.Dimensions {
		dims = append(dims, d.Name+"="+d.Value)
	}
	kind := [...]string{"gauge", "sum", "sample"}[m.Kind]
	l := fmt.Sprintf("%s %s %v", m.Name, kind, m.Value)
	if m.Count != 0 {
		l += fmt.Sprintf(" x%v", m.Count)
	}
	if m.Unit != "" {
		l += " " + m.Unit
	}
	if len(dims) > 0 {
		l += " " + strings.Join(dims, ",")
	}
	if m.Time != 0 {
		l += fmt.Sprintf(" at %d", m.Time)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, l)
}

// taken returns what was recorded, and forgets it.
func (r *recorder) taken() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lines
	r.lines = nil
	return l
}

func newReader(t testing.TB, cfg prometheus.Config, rec sidelight.Recorder) *prometheus.Reader {
	t.Helper()
	cfg.Targets = []string{"host:1"}
	if cfg.Job == "" {
		cfg.Job = "j"
	}
	r, err := prometheus.New(cfg, rec, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return prometheus.NewReader(r)
}

func TestScrapes(t *testing.T) {
	for name, c := range map[string]struct {
		cfg     prometheus.Config
		open    bool
		scrapes []string
		want    [][]string
		invalid int
	}{
		"gauge": {
			scrapes: []string{"# HELP a b\n# TYPE a_bytes gauge\na_bytes{x=\"1\"} 5\na_bytes{x=\"2\"} -2.5e3 1700000000000\n\nplain 7\n"},
			want:    [][]string{{"a_bytes gauge 5 Bytes job=j,x=1", "a_bytes gauge -2500 Bytes job=j,x=2", "plain gauge 7 job=j"}},
		},
		"counter": {
			scrapes: []string{"# TYPE c_total counter\nc_total 5\n", "# TYPE c_total counter\nc_total 8\n", "# TYPE c_total counter\nc_total 8\n", "# TYPE c_total counter\nc_total 2\n"},
			want:    [][]string{nil, {"c_total sum 3 Count job=j"}, {"c_total sum 0 Count job=j"}, {"c_total sum 2 Count job=j"}},
		},
		"a counter that is there from the second scrape on": {
			scrapes: []string{"g 1", "# TYPE c_seconds_total counter\nc_seconds_total{code=\"500\"} 2\n", "", "# TYPE c_seconds_total counter\nc_seconds_total{code=\"500\"} 2\n"},
			want:    [][]string{{"g gauge 1 job=j"}, {"c_seconds_total sum 2 Seconds code=500,job=j"}, nil, {"c_seconds_total sum 2 Seconds code=500,job=j"}},
		},
		"untyped": {
			scrapes: []string{"x_total 1\ny 2", "x_total 4\ny 2"},
			want:    [][]string{{"y gauge 2 job=j"}, {"x_total sum 3 job=j", "y gauge 2 job=j"}},
		},
		"histogram": {
			scrapes: []string{
				hist(1, 2, 3, 6.5), hist(1, 2, 3, 6.5), hist(1, 4, 8, 100), hist(0, 1, 1, 1.5),
			},
			want: [][]string{
				nil, nil,
				// Two more between 1 and 2, three beyond: 93.5 in all.
				{"h_seconds sample 1.5 x2 Seconds job=j,r=/", "h_seconds sample 30.166666666666668 x3 Seconds job=j,r=/"},
				{"h_seconds sample 1.5 x1 Seconds job=j,r=/"},
			},
		},
		"histogram with other buckets": {
			scrapes: []string{hist(1, 2, 3, 6.5), strings.ReplaceAll(hist(5, 5, 5, 5), `"2"`, `"3"`), strings.ReplaceAll(hist(6, 6, 6, 6), `"2"`, `"3"`)},
			want:    [][]string{nil, nil, {"h_seconds sample 1 x1 Seconds job=j,r=/"}},
		},
		"summary": {
			scrapes: []string{summ(0.25, 10, 4), summ(0.5, 16, 6)},
			want: [][]string{
				{"s_seconds gauge 0.25 Seconds job=j,quantile=0.5"},
				{"s_seconds gauge 0.5 Seconds job=j,quantile=0.5", "s_seconds_sum sum 6 Seconds job=j", "s_seconds_count sum 2 Count job=j"},
			},
		},
		"OpenMetrics": {
			open: true,
			scrapes: []string{
				"# TYPE c counter\n# UNIT c bytes\n# HELP c it's\nc_total 1 # {trace_id=\"a\"} 0.5 1.5\nc_created 1.7e9\n# TYPE i info\ni_info{v=\"1\"} 1\n# TYPE z stateset\nz{z=\"on\"} 1\n# EOF\n",
				"# TYPE c counter\n# UNIT c bytes\nc_total 4 1700000000.125\n# EOF\n",
			},
			want: [][]string{{"z gauge 1 job=j,z=on"}, {"c_total sum 3 Bytes job=j"}},
		},
		"timestamps": {
			cfg:     prometheus.Config{HonorTimestamps: true},
			scrapes: []string{"g 1 1700000000125\nh 2"},
			want:    [][]string{{"g gauge 1 job=j at 1700000000125", "h gauge 2 job=j"}},
		},
		"escapes": {
			scrapes: []string{`g{a="x\\y\"}{\n\q",b = "{",} 1`},
			want:    [][]string{{"g gauge 1 a=x\\y\"}{\n\\q,b={,job=j"}},
		},
		"not finite": {
			scrapes: []string{"g NaN\nh +Inf\ni -Inf\nj 1"},
			want:    [][]string{{"j gauge 1 job=j"}},
		},
		"dimensions": {
			cfg:     prometheus.Config{Dimensions: []string{"code", "instance"}},
			scrapes: []string{"g{code=\"200\",path=\"/\",job=\"x\"} 1"},
			want:    [][]string{{"g gauge 1 code=200,instance=host:1"}},
		},
		"labels of the target": {
			scrapes: []string{`g{job="x",empty=""} 1`},
			want:    [][]string{{"g gauge 1 exported_job=x,job=j"}},
		},
		"keep and drop": {
			cfg:     prometheus.Config{Keep: `starts_with(name, "http_") and job = "j"`, Drop: `labels.code = "404" or name =~ "_internal$"`},
			scrapes: []string{"http_a{code=\"200\"} 1\nhttp_a{code=\"404\"} 2\nhttp_internal 3\nother 4"},
			want:    [][]string{{"http_a gauge 1 code=200,job=j"}},
		},
		"namespace is not a label": {
			cfg:     prometheus.Config{Namespace: "Shop"},
			scrapes: []string{"g 1"},
			want:    [][]string{{"g gauge 1 job=j"}},
		},
		"bad lines": {
			scrapes: []string{"g 1\n9x 1\ng{ 1\ng{a} 1\ng{a=b} 1\ng{a=\"b\" c=\"d\"} 1\ng{a=\"b\",a=\"c\"} 1\ng x\ng\ng 1 x\ng 1 2 3\ng{a=\"\xff\"} 1\n# TYPE\n#\n#x"},
			want:    [][]string{{"g gauge 1 job=j"}},
			invalid: 11,
		},
	} {
		t.Run(name, func(t *testing.T) {
			rec := &recorder{}
			r := newReader(t, c.cfg, rec)
			invalid := 0
			for i, text := range c.scrapes {
				_, bad, err := r.Read(text, c.open)
				if err != nil {
					t.Errorf("scrape %d: %v", i, err)
				}
				invalid += bad
				if d := cmp.Diff(c.want[i], rec.taken()); d != "" {
					t.Errorf("scrape %d (-want +got):\n%s", i, d)
				}
			}
			if invalid != c.invalid {
				t.Errorf("%d invalid lines, want %d", invalid, c.invalid)
			}
		})
	}
}

func hist(one, two, inf int, sum float64) string {
	return fmt.Sprintf("# TYPE h_seconds histogram\nh_seconds_bucket{r=\"/\",le=\"1\"} %d\nh_seconds_bucket{r=\"/\",le=\"2\"} %d\n"+
		"h_seconds_bucket{r=\"/\",le=\"+Inf\"} %d\nh_seconds_sum{r=\"/\"} %v\nh_seconds_count{r=\"/\"} %d\n", one, two, inf, sum, inf)
}

func summ(median, sum float64, count int) string {
	return fmt.Sprintf("# TYPE s_seconds summary\ns_seconds{quantile=\"0.5\"} %v\ns_seconds_sum %v\ns_seconds_count %d\n", median, sum, count)
}

func TestBadExpositions(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		open bool
		want string
	}{
		"a web page":   {"<html>\n<body>hello</body>\n", false, "not in Prometheus' text format"},
		"cut off":      {"# TYPE a gauge\na 1\n", true, "# EOF"},
		"endless line": {"a{b=\"" + strings.Repeat("x", 70<<10), false, "a line is longer"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := newReader(t, prometheus.Config{}, &recorder{}).Read(c.text, c.open)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// A million series are not read, and those that are do not suffer.
func TestSeriesAreBounded(t *testing.T) {
	rec := &recorder{}
	r := newReader(t, prometheus.Config{MaxSeries: 100}, rec)
	scrape := func(n int) []string {
		var b strings.Builder
		fmt.Fprintf(&b, "# TYPE c_total counter\nc_total{user=\"first\"} %d\n", 2*n)
		for i := range 50_000 {
			fmt.Fprintf(&b, "c_total{user=\"%d\"} %d\n", n*100_000+i, 7)
		}
		if _, _, err := r.Read(b.String(), false); err != nil {
			t.Fatal(err)
		}
		return rec.taken()
	}
	scrape(1)
	// Those that take the place of others have not been counted before.
	if got, want := scrape(2), []string{"c_total sum 2 Count job=j,user=first"}; !cmp.Equal(got, want) {
		t.Errorf("recorded %v, want %v", got[:min(3, len(got))], want)
	}
	if n, _ := r.Series(); n > 100 {
		t.Errorf("%d series are remembered", n)
	}
}

func TestScrapeAllocatesLittle(t *testing.T) {
	var b strings.Builder
	for i := range 200 {
		fmt.Fprintf(&b, "# HELP c%d_total counted\n# TYPE c%d_total counter\nc%d_total{code=\"%d\",method=\"GET\"} 12.5\n", i, i, i, i)
	}
	r := newReader(t, prometheus.Config{}, null{})
	text := b.String()
	read := func() {
		if _, _, err := r.Read(text, false); err != nil {
			t.Fatal(err)
		}
	}
	read()
	if n := testing.AllocsPerRun(20, read); n > 210 {
		t.Errorf("a scrape of 200 known series allocates %v times", n)
	}
}

type null struct{}

func (null) Record(*sidelight.Measurement) {}

func TestRun(t *testing.T) {
	rec := &recorder{}
	var mu sync.Mutex
	scrapes := 0
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	again := make(chan struct{}, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if got := r.Header.Get("Authorization"); got != "Bearer secret" || !strings.Contains(r.Header.Get("Accept"), "openmetrics") || r.URL.Path != "/m" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		scrapes++
		w.Header().Set("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
		fmt.Fprintf(w, "# TYPE c counter\nc_total %d\n# EOF\n", scrapes)
		again <- struct{}{}
	}))
	defer srv.Close()
	r, err := prometheus.New(prometheus.Config{
		Job: "j", Targets: []string{srv.Listener.Addr().String(), "127.0.0.1:1"}, Path: "/m", TokenFile: token, Interval: 20 * time.Millisecond,
	}, rec, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	<-again
	<-again
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	// The last scrape, at the stop, is recorded too.
	got, sum := rec.taken(), 0
	instance := "instance=" + srv.Listener.Addr().String() + ",job=j"
	for _, l := range got {
		n := 0
		if _, err := fmt.Sscanf(l, "c_total sum %d Count "+instance, &n); err == nil {
			sum += n
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if sum != scrapes-1 {
		t.Errorf("increases of %d in %d scrapes: %v", sum, scrapes, got)
	}
	for _, want := range []string{"up gauge 1 " + instance, "up gauge 0 instance=127.0.0.1:1,job=j", "scrape_samples_scraped gauge 1 Count " + instance} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is missing in %v", want, got)
		}
	}
	if st := r.Stats(); st.Targets != 2 || st.Samples == 0 {
		t.Errorf("stats %+v", st)
	}
}

func TestLongAnswer(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := range 10_000 {
			fmt.Fprintf(w, "g%d 1\n", i)
		}
	}))
	defer srv.Close()
	rec := &recorder{}
	r, err := prometheus.New(prometheus.Config{Job: "j", Targets: []string{srv.URL}, MaxBody: 1000}, rec, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if got := rec.taken(); len(got) > 300 {
		t.Errorf("%d samples of an answer that is too long", len(got))
	}
	if st := r.Stats(); st.Up != 0 {
		t.Errorf("stats %+v, want none up", st)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, cfg := range map[string]prometheus.Config{
		"nothing":    {},
		"a scheme":   {Targets: []string{"ftp://x"}},
		"no host":    {Targets: []string{"http:///metrics"}},
		"expression": {Targets: []string{"a:1"}, Keep: "name ="},
		"a CA":       {Targets: []string{"a:1"}, CA: "/nonexistent"},
	} {
		if _, err := prometheus.New(cfg, null{}, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestECSTask(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v4/x/task" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, `{"Containers":[
			{"Name":"app","Labels":{"sidelight.prometheus.port":"9100","sidelight.prometheus.path":"m"},"Networks":[{"NetworkMode":"awsvpc","IPv4Addresses":["10.0.0.5"]}]},
			{"Name":"bridged","Labels":{"ECS_PROMETHEUS_EXPORTER_PORT":"9200"},"Networks":[{"NetworkMode":"bridge","IPv4Addresses":["172.17.0.3"]}]},
			{"Name":"other","Labels":{"x":"y"}},
			{"Name":"bare"}]}`)
	}))
	defer srv.Close()
	got, err := prometheus.ECSTask{Endpoint: srv.URL + "/v4/x", Path: "/metrics"}.Discover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []prometheus.Found{
		{URL: "http://127.0.0.1:9100/m", Labels: map[string]string{"container": "app"}},
		{URL: "http://172.17.0.3:9200/metrics", Labels: map[string]string{"container": "bridged"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("targets (-want +got):\n%s", d)
	}
	if _, err := (prometheus.ECSTask{Endpoint: srv.URL}).Discover(t.Context()); err == nil {
		t.Error("no error for an endpoint that answers 404")
	}
}

func TestPods(t *testing.T) {
	account := t.TempDir()
	if err := os.WriteFile(filepath.Join(account, "token"), []byte("t0ken"), 0o600); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/pods" || r.Header.Get("Authorization") != "Bearer t0ken" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		pod := func(name, annotations, phase string) string {
			return fmt.Sprintf(`{"metadata":{"name":%q,"namespace":"shop","annotations":{%s}},"spec":{"containers":[{"ports":[{"containerPort":53,"protocol":"UDP"},{"containerPort":8080}]}]},"status":{"phase":%q,"podIP":"10.1.0.7"}}`, name, annotations, phase)
		}
		fmt.Fprintf(w, `{"kind":"PodList","items":[%s,%s,%s,%s]}`,
			pod("a", `"prometheus.io/scrape":"true","prometheus.io/port":"9102","prometheus.io/path":"/m"`, "Running"),
			pod("b", `"prometheus.io/scrape":"true"`, "Running"),
			pod("c", `"prometheus.io/scrape":"true"`, "Pending"),
			pod("d", `"prometheus.io/scrape":"false"`, "Running"))
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	got, err := prometheus.Pods{Kubelet: srv.URL, Account: account, Insecure: true}.Discover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []prometheus.Found{
		{URL: "http://10.1.0.7:9102/m", Labels: map[string]string{"namespace": "shop", "pod": "a"}},
		{URL: "http://10.1.0.7:8080/metrics", Labels: map[string]string{"namespace": "shop", "pod": "b"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("targets (-want +got):\n%s", d)
	}
	if _, err := (prometheus.Pods{Kubelet: srv.URL, Account: account}).Discover(t.Context()); err == nil {
		t.Error("a certificate that nobody has signed is accepted")
	}
}

// naive takes a line apart in the plainest way, rune by rune.
func naive(line string, open bool) (s prometheus.Sample, ok bool) {
	rest := strings.TrimLeft(line, " \t")
	isName := func(i int, c byte, colon bool) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || colon && c == ':' || i > 0 && c >= '0' && c <= '9'
	}
	n := 0
	for n < len(rest) && isName(n, rest[n], true) {
		n++
	}
	s.Name, rest = rest[:n], rest[n:]
	if n == 0 || rest == "" || !strings.ContainsRune(" \t{", rune(rest[0])) {
		return s, false
	}
	rest = strings.TrimLeft(rest, " \t")
	labels := map[string]string{}
	if strings.HasPrefix(rest, "{") {
		rest = strings.TrimLeft(rest[1:], " \t")
		for !strings.HasPrefix(rest, "}") {
			name, after, found := strings.Cut(rest, "=")
			name = strings.TrimRight(name, " \t")
			for i := range len(name) {
				if !isName(i, name[i], false) {
					return s, false
				}
			}
			after = strings.TrimLeft(after, " \t")
			if _, twice := labels[name]; !found || name == "" || twice || !strings.HasPrefix(after, `"`) {
				return s, false
			}
			value, i := "", 1
			for ; i < len(after) && after[i] != '"'; i++ {
				switch {
				case after[i] == '\\' && i+1 < len(after):
					i++
					switch after[i] {
					case 'n':
						value += "\n"
					case '"', '\\':
						value += after[i : i+1]
					default:
						value += after[i-1 : i+1]
					}
				default:
					value += after[i : i+1]
				}
			}
			if i >= len(after) || !utf8.ValidString(value) {
				return s, false
			}
			labels[name] = value
			rest = strings.TrimLeft(after[i+1:], " \t")
			if strings.HasPrefix(rest, ",") {
				rest = strings.TrimLeft(rest[1:], " \t")
			} else if !strings.HasPrefix(rest, "}") {
				return s, false
			}
		}
		rest = rest[1:]
	}
	head, _, exemplar := strings.Cut(rest, "#")
	if exemplar && (!open || !strings.HasPrefix(rest[len(head):], "# {") || head == "" || !strings.HasSuffix(head, " ") && !strings.HasSuffix(head, "\t")) {
		return s, false
	}
	fields := strings.FieldsFunc(head, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(fields) == 0 || len(fields) > 2 {
		return s, false
	}
	v, err := strconv.ParseFloat(fields[0], 64)
	if err != nil {
		return s, false
	}
	s.Value, s.Exemplar = v, exemplar
	if len(fields) == 2 {
		at, err := strconv.ParseFloat(fields[1], 64)
		if open {
			at *= 1000
		}
		if err != nil || !(math.Abs(at) <= 1e15) {
			return s, false
		}
		s.Time, s.Timed = int64(math.Round(at)), true
	}
	for k, v := range labels {
		if v != "" {
			s.Labels = append(s.Labels, sidelight.Dimension{Name: k, Value: v})
		}
	}
	slices.SortFunc(s.Labels, func(a, b sidelight.Dimension) int { return strings.Compare(a.Name, b.Name) })
	return s, true
}

func FuzzLine(f *testing.F) {
	for _, s := range []string{
		`a 1`, `a{b="c"} 1.5 1700000000`, `a{b="c\"}\\",d="e",} +Inf`, `a 1 # {x="y"} 2`, `a{} NaN 3 # {`, `a {b="c"} 1`, `{`, `a{b=`, "a{b=\"\xff\"} 1", `a#b 1`, `a{b="x"}1`,
	} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, b []byte, open bool) {
		if bytes.ContainsAny(b, "\n\r") || len(bytes.Trim(b, " \t")) != len(bytes.TrimLeft(b, " \t")) || bytes.HasPrefix(bytes.TrimLeft(b, " \t"), []byte("#")) {
			return // the caller has taken these away
		}
		got, ok := prometheus.ParseLine(b, open)
		want, valid := naive(string(b), open)
		if ok != valid {
			t.Fatalf("%q: taken %v, want %v", b, ok, valid)
		}
		if d := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); valid && d != "" {
			t.Errorf("%q (-want +got):\n%s", b, d)
		}
	})
}

// FuzzScrape reads whole expositions twice.
func FuzzScrape(f *testing.F) {
	f.Add(hist(1, 2, 3, 4)+summ(1, 2, 3)+"# EOF\n", true)
	f.Add("# TYPE a counter\na 1\n# TYPE a_bucket histogram\na_bucket_bucket{le=\"x\"} 1\n", false)
	f.Fuzz(func(t *testing.T, text string, open bool) {
		r := newReader(t, prometheus.Config{Keep: `name != "x"`}, null{})
		for range 2 {
			_, _, _ = r.Read(text, open)
		}
	})
}

func BenchmarkScrape(b *testing.B) {
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, "# HELP c%d_total counted\n# TYPE c%d_total counter\nc%d_total{code=\"200\",method=\"GET\",route=\"/orders/{id}\"} 12.5\n", i, i, i)
	}
	r := newReader(b, prometheus.Config{}, null{})
	b.ReportAllocs()
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		if _, _, err := r.Read(text.String(), false); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/sample")
}

// page is an exposition of some 50,000 lines: counters, gauges and histograms with
// labels.
func page(value int) string {
	var text strings.Builder
	for f := range 100 {
		fmt.Fprintf(&text, "# HELP c%d_total counted\n# TYPE c%d_total counter\n", f, f)
		for i := range 150 {
			fmt.Fprintf(&text, "c%d_total{code=\"200\",method=\"GET\",route=\"/orders/%d\"} %d\n", f, i, value+i)
		}
		fmt.Fprintf(&text, "# TYPE g%d gauge\n", f)
		for i := range 110 {
			fmt.Fprintf(&text, "g%d{pool=\"p%d\"} %d.5\n", f, i, value+i)
		}
		fmt.Fprintf(&text, "# TYPE h%d_seconds histogram\n", f)
		for i := range 18 {
			for b, le := range []string{"0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "+Inf"} {
				fmt.Fprintf(&text, "h%d_seconds_bucket{route=\"/orders/%d\",le=%q} %d\n", f, i, le, value*(b+1))
			}
			fmt.Fprintf(&text, "h%d_seconds_sum{route=\"/orders/%d\"} %d.25\nh%d_seconds_count{route=\"/orders/%d\"} %d\n", f, i, value, f, i, value*11)
		}
	}
	return text.String()
}

// BenchmarkPage is a scrape of a large target whose numbers move.
func BenchmarkPage(b *testing.B) {
	pages := []string{page(1000), page(1001), page(1002), page(1003)}
	r := newReader(b, prometheus.Config{MaxSeries: 100_000}, null{})
	lines := strings.Count(pages[0], "\n")
	if _, _, err := r.Read(pages[3], false); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(pages[0])))
	for i := 0; b.Loop(); i++ {
		if _, _, err := r.Read(pages[i%len(pages)], false); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(lines), "lines")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(lines), "ns/line")
}
