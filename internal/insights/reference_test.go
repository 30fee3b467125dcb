package insights_test

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/insights"
)

// languageFunctions are those of the language (CloudWatch Logs user guide,
// "Supported operations and functions" and "stats").
const languageFunctions = `
	abs ceil floor greatest least log round sqrt haversine toNumber toInt toLong toDouble
	ispresent coalesce case if isNumeric messageSize queryStartTime queryEndTime queryTimeRange
	isempty isblank concat ltrim rtrim trim strlen toupper tolower substr replace regexReplace strcontains startsWith endsWith split
	urlencode urldecode base64encode base64decode hexToAscii hexToDec decToHex md5 sha256
	jsonParse jsonStringify jsonArraySize jsonArrayContains
	isValidIp isValidIpV4 isValidIpV6 isIpInSubnet isIpv4InSubnet isIpv6InSubnet ipv4ToNumber isPrivateIP isPublicIP isReservedIP
	bin datefloor dateceil fromMillis toMillis now parseDate formatDate strftime unmask
	avg count count_distinct countDistinct sum min max pct stddev variance values topk earliest latest sortsFirst sortsLast
	rate countOverTime count_over_time sumOverTime sum_over_time histogram`

func lowered(list string) []string { return strings.Fields(strings.ToLower(list)) }

var call = regexp.MustCompile(`([A-Za-z_][A-Za-z_0-9]*)\(`)

// casesOf are the functions that the tables of expressions call.
func casesOf(tables ...map[string]string) map[string]bool {
	out := make(map[string]bool)
	for _, table := range tables {
		for text := range table {
			for _, m := range call.FindAllStringSubmatch(text, -1) {
				out[strings.ToLower(m[1])] = true
			}
		}
	}
	return out
}

// TestEveryFunctionHasACase: whatever the language or the engine has is in a
// table of expressions with its values.
func TestEveryFunctionHasACase(t *testing.T) {
	cases := casesOf(expressions(), aggregates())
	known := insights.FunctionNames()
	for _, name := range slices.Concat(lowered(languageFunctions), known) {
		if !cases[name] {
			t.Errorf("no case calls %s", name)
		}
	}
	for _, name := range lowered(languageFunctions) {
		if !slices.Contains(known, name) {
			t.Errorf("the engine does not know %s", name)
		}
	}
	for name := range maps.Keys(cases) {
		if !slices.Contains(known, name) {
			t.Errorf("a case calls %s, which the engine does not know", name)
		}
	}
}

// refuses checks that the query is refused at name, which stands at start.
func refuses(t *testing.T, query string, start int, name, want string) {
	t.Helper()
	_, err := insights.Parse(query)
	se, ok := errors.AsType[*insights.SyntaxError](err)
	if !ok || se.Start != start || se.End != start+len(name) || !strings.Contains(se.Msg, want) {
		t.Errorf("%s: %v, want %q at %d to %d", query, err, want, start, start+len(name))
	}
}

// commands are queries with each command and what they yield.
func commands() map[string][]string {
	return map[string][]string{
		`fields n, n * 2 as twice`:                {"n=2 twice=4", "n=1 twice=2"},
		`fields n, s | display s`:                 {"s=y", "s=x"},
		`filter n = 1 | display n`:                {"n=1"},
		`where n > 1 | display n`:                 {"n=2"},
		`filterIndex s = "x" | display n`:         {"n=1"},
		`filterindex s in ["y", "z"] | display n`: {"n=2"},
		`stats sum(n) as sum`:                     {"sum=3"},
		`sort n | display n`:                      {"n=1", "n=2"},
		`display n | limit 1`:                     {"n=2"},
		`parse s /(?<c>x)/ | display c, n`:        {"n=2", "c=x n=1"},
		`fields 1 as one | dedup one | limit 5`:   {"one=1"},
		`filter n = 1 | fields jsonParse(@message) as j | unnest j.l into item | display item`: {"item=7", "item=8"},
		`pattern s | display @sampleCount | limit 1`:                                           {"@sampleCount=1"},
		`stats sum(n) as sum by bin(500ms) as t | fillmissing with 0 for sum | display sum`:    {"sum=1", "sum=0", "sum=2"},
		`sort n desc | fields x, n | filldown | display n, x`:                                  {"n=2", "n=1 x=5"},
		`fields n | addtotals`:                             {"n=2 Total=2", "n=1 Total=1"},
		`sort n | accum n as sum | display sum`:            {"sum=1", "sum=3"},
		`sort n | autoregress n | display n, n_p1`:         {"n=1", "n=2 n_p1=1"},
		`SOURCE 'g' | display n`:                           {"n=2", "n=1"},
		`sessionize s | display s, session_id`:             {"s=y session_id=2", "s=x session_id=1"},
		`sort n | outlier param=0 n | display n`:           {"n=1", "n=1.75"},
		`countFrequent s`:                                  {"s=x _approxcount=1", "s=y _approxcount=1"},
		`count_frequent zz`:                                {"_approxcount=2"},
		`expand l | display l, n`:                          {"n=2", "l=7 n=1", "l=8 n=1"},
		`json field=l "1" as second | display second`:      {"", "second=8"},
		`pattern s | anomaly | display @anomaly | limit 1`: {"@anomaly=0"},
		`relevantfields s where n = 1`:                     {`@fieldName=s @relevanceScore=1 @topRelevanceContributors=["x"]`},
	}
}

// elsewhere are commands that need more than rows, with the tests of them.
var elsewhere = map[string]string{"diff": "TestDiff", "lookup": "TestLookup", "cidrlookup": "TestLookup", "join": "TestJoin", "appendcols": "TestAppendCols", "logcompare": "TestLogcompare"}

// refusedCommands are those of the language that the engine refuses by name.
const refusedCommands = `estimate`

// TestEveryCommandHasACase: a command of the engine has an example here or a
// test of its own, and others are refused with their position.
func TestEveryCommandHasACase(t *testing.T) {
	rows := messages(`{"n":1,"s":"x","l":[7,8],"x":5}`, `{"n":2,"s":"y"}`)
	seen := make(map[string]bool)
	for query, want := range commands() {
		t.Run(query, func(t *testing.T) { expect(t, query, rows, want...) })
		for part := range strings.SplitSeq(query, "|") {
			seen[strings.ToLower(strings.Fields(part)[0])] = true
		}
	}
	language := lowered("fields filter where stats sort limit parse display dedup pattern diff filterIndex unnest SOURCE join lookup cidrlookup addtotals accum autoregress filldown fillmissing anomaly outlier sessionize logcompare countFrequent relevantfields appendcols expand json")
	for _, name := range slices.Concat(language, insights.CommandNames()) {
		if !seen[name] && elsewhere[name] == "" {
			t.Errorf("no case of %s", name)
		}
		if !slices.Contains(insights.CommandNames(), name) {
			t.Errorf("the engine does not know %s", name)
		}
	}
	for _, name := range strings.Fields(refusedCommands) {
		refuses(t, "fields é | "+name+" a", 11, name, "the command "+name+" is not supported")
		refuses(t, strings.ToUpper(name), 0, name, "not supported")
	}
}
