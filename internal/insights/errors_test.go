package insights_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/insights"
)

func TestSyntaxErrors(t *testing.T) {
	tests := map[string]struct {
		start, end int
		want       string
	}{
		``:                                   {0, 0, "expected a command"},
		`filds a`:                            {0, 5, `unknown command "filds", did you mean "fields"?`},
		`fields a |`:                         {10, 10, "expected a command"},
		`fields a | | limit 1`:               {11, 12, "expected a command"},
		`fields a b`:                         {9, 10, `expected | or the end of the query, found "b"`},
		`fields`:                             {6, 6, "expected an expression"},
		`fields a,`:                          {9, 9, "expected an expression"},
		`fields a as`:                        {11, 11, "expected a name"},
		`fields foo(a)`:                      {7, 10, `unknown function "foo"`},
		`fields strlenn(a)`:                  {7, 14, `did you mean "strlen"?`},
		`fields strlen(a, b)`:                {7, 19, "takes 1 arguments, found 2"},
		`fields substr(a)`:                   {7, 16, "takes 2 to 3 arguments"},
		`fields coalesce()`:                  {7, 17, "takes at least 1 arguments"},
		`fields strlen(a`:                    {15, 15, "expected , or )"},
		`fields @mesage`:                     {7, 14, `unknown field "@mesage", did you mean "@message"?`},
		`fields "open`:                       {7, 12, `closing "`},
		"fields `open":                       {7, 12, "closing backtick"},
		`fields count(*)`:                    {7, 15, "only allowed in stats"},
		`fields 5m`:                          {7, 9, "a period"},
		`fields 5x`:                          {7, 9, `expected a number, found "5x"`},
		`fields rate(a, 1m)`:                 {7, 18, "only allowed in stats"},
		`fields bin(5)`:                      {11, 12, "expected a period"},
		`fields /x/`:                         {7, 10, "after like"},
		`fields a[x]`:                        {8, 9, "an index"},
		`fields parseDate(a, b)`:             {20, 21, "expected a pattern"},
		`fields parseDate(a, "QQ")`:          {20, 24, `unknown letter "Q"`},
		`fields strftime(a, "%Q")`:           {19, 23, `unknown conversion "%Q"`},
		`fields strftime(a, "%Y", "Mars")`:   {25, 31, "a time zone"},
		`filter a = `:                        {11, 11, "expected an expression"},
		`filter a == 1`:                      {10, 11, `expected an expression, found "="`},
		`filter a like b`:                    {14, 15, "expected text in quotes"},
		`filter a like /(/`:                  {14, 17, "expected a regular expression"},
		`filter a like /(?=x)/`:              {14, 21, "look-around"},
		`filter a like /x`:                   {14, 16, "closing /"},
		`filter a not b`:                     {9, 13, "expected in or like"},
		`filter a in (1)`:                    {12, 13, "square brackets"},
		`filter a in (SOURCE 'x')`:           {13, 23, "with one column, such as … | fields f, found 2"},
		`filter a in (SOURCE 'x' | fields b`: {34, 34, "expected | or )"},
		`filter a in (SOURCE 'x' | filter b in (SOURCE 'y' | fields c) | fields b)`:                                                 {39, 45, "cannot be nested"},
		`join left=a right=b where a.x = b.y (SOURCE 'g' | join left=c right=d where c.x = d.x (SOURCE 'h'))`:                       {50, 54, "cannot be nested"},
		`join left=a right=a where a.x = a.y (SOURCE 'g')`:                                                                          {18, 19, "two different names"},
		`join type=outer left=a right=b where a.x = b.y (SOURCE 'g')`:                                                               {10, 15, "type=inner or type=left"},
		`join left=a right=b where a.x > b.y (SOURCE 'g')`:                                                                          {30, 31, "by equality"},
		`join left=a right=b where a.x = c.y (SOURCE 'g')`:                                                                          {26, 35, "a field of a and one of b"},
		`join left=a right=b where a.x = b.y (SOURCE 'g' | fields z)`:                                                               {26, 35, `no column "y"`},
		`join left=a right=b where a.x = b.y (fields z)`:                                                                            {37, 43, "SOURCE and a log group"},
		`join left=a right=b where a.x = b.y (SOURCE 'g' | fields y) | fields b.z`:                                                  {69, 72, `unknown field "b.z"`},
		`join left=a right=b where a.x = b.x (SOURCE 'g' | fields x) | join left=c right=d where c.x = d.x (SOURCE 'g' | fields x)`: {62, 66, "only one join"},
		`lookup`:                                         {6, 6, "expected a name"},
		`lookup t k`:                                     {10, 10, "expected as"},
		`lookup t k as f`:                                {15, 15, "expected OUTPUT"},
		`lookup t k as f OUTPUT`:                         {22, 22, "expected a name"},
		`cidrlookup t 1`:                                 {13, 14, "expected a field"},
		`cidrlookup t k as 1`:                            {18, 19, "expected a name"},
		`stats rate(a)`:                                  {6, 13, "rate takes 2 arguments, found 1"},
		`stats rate(a, 5)`:                               {14, 15, "expected a period"},
		`stats rate(a, 1mo)`:                             {14, 17, "a fixed length"},
		`stats histogram(a, b)`:                          {19, 20, "from 1 to 1000"},
		`stats histogram(a, 1001)`:                       {19, 23, "from 1 to 1000"},
		`stats count(*) as n | stats rate(n, 1m)`:        {28, 39, "goes by @timestamp"},
		`stats count_over_time()`:                        {6, 23, "takes 1 arguments"},
		`stats count(*) as n | sessionize n`:             {22, 32, "goes by @timestamp"},
		`sessionize`:                                     {10, 10, "expected an expression"},
		`sessionize u maxspan 30`:                        {21, 23, "expected a period"},
		`sessionize u maxspan 1y`:                        {21, 23, "a fixed length"},
		`sessionize u as`:                                {15, 15, "expected a name"},
		`outlier`:                                        {7, 7, "expected a field"},
		`outlier param=-1 a`:                             {14, 14, "0 or more"},
		`outlier action=remove`:                          {21, 21, "expected a field"},
		`outlier action=drop a`:                          {15, 19, "expected transform or remove"},
		`outlier param=x a`:                              {14, 15, "0 or more"},
		`outlier mark=yes a`:                             {13, 16, "expected false or true"},
		`anomaly`:                                        {0, 7, "anomaly must follow pattern"},
		`pattern @message | stats count(*) | anomaly`:    {36, 43, "anomaly must follow pattern"},
		`countFrequent`:                                  {13, 13, "expected an expression"},
		`sort a | countFrequent a`:                       {9, 22, "before sort and limit"},
		`relevantfields a`:                               {16, 16, "expected fields, and where"},
		`relevantfields where`:                           {20, 20, "expected an expression"},
		`limit 1 | relevantfields where a = 1`:           {10, 24, "before sort and limit"},
		`expand`:                                         {6, 6, "expected a field"},
		`expand abs(a)`:                                  {10, 11, "expected | or the end"},
		`stats count(*) as n | expand m`:                 {29, 30, `no column "m"`},
		`json "a" as b`:                                  {5, 6, "expected field=name"},
		`json field=a as b`:                              {13, 15, "expected a path in quotes"},
		`json field=a "b"`:                               {16, 16, "expected as"},
		`appendcols`:                                     {10, 10, "expected a subquery"},
		`appendcols max=0 (SOURCE g)`:                    {15, 16, "from 1 to 100000"},
		`appendcols override=1 (SOURCE g)`:               {20, 21, "expected true or false"},
		`appendcols (fields a)`:                          {12, 18, "SOURCE and a log group"},
		`filter a in (SOURCE g | appendcols (SOURCE h))`: {24, 34, "cannot be nested"},
		`logcompare`:                                     {10, 10, "expected timeshift"},
		`logcompare timeshift 7`:                         {21, 22, "expected a period"},
		`logcompare timeshift 7d | logcompare timeshift 7d`:  {26, 36, "logcompare must come right after filter or pattern, and once"},
		`filter a in (SOURCE 'g' | logcompare timeshift 7d)`: {26, 36, "logcompare is not allowed in a subquery"},
		`estimate`:                                        {0, 8, "the command estimate is not supported"},
		`SOURCE dataSource(["a.b"])`:                      {0, 6, "SOURCE dataSource is not supported"},
		`SOURCE lg start=-1d`:                             {10, 15, "expected | or the end"},
		`parse /a(b)(c)/ as x`:                            {6, 15, "as many groups as names, found 2 and 1"},
		`sort a | diff`:                                   {9, 13, "right after filter or pattern"},
		`stats count(*) | diff`:                           {17, 21, "right after filter or pattern"},
		`pattern @message | sort @ratio | diff`:           {33, 37, "right after filter or pattern"},
		`diff | diff`:                                     {7, 11, "and once"},
		`diff | pattern @message`:                         {7, 14, "only one pattern"},
		`filter a in (SOURCE 'g' | diff)`:                 {26, 30, "not allowed in a subquery"},
		`filter a in [1, 2`:                               {17, 17, "expected , or ]"},
		`filter (a = 1`:                                   {13, 13, "expected )"},
		`filter isIpInSubnet(a, "x")`:                     {23, 26, "10.0.0.0/8"},
		`stats a`:                                         {6, 7, "expected an aggregate"},
		`stats count(*) by`:                               {17, 17, "expected an expression"},
		`stats sum(max(a))`:                               {10, 16, "not inside another aggregate"},
		`stats sum()`:                                     {6, 11, "sum takes 1 arguments"},
		`stats sum(*)`:                                    {10, 11, "only understood by count"},
		`stats pct(a, 101)`:                               {13, 16, "0 to 100"},
		`stats count(*) as n | filter m > 1`:              {29, 30, `no column "m" after stats, did you mean "n"?`},
		`stats count(*) as n | fields @message`:           {29, 37, "after stats"},
		`stats count(*) as n | stats latest(n)`:           {28, 37, "goes by @timestamp"},
		`stats count(*) as n | stats max(n) by bin(5m)`:   {38, 45, "goes by @timestamp"},
		`sort a | stats count(*)`:                         {9, 14, "before sort and limit"},
		`limit 0`:                                         {6, 7, "1 to 100000"},
		`limit 100001`:                                    {6, 12, "1 to 100000"},
		`limit x`:                                         {6, 7, "whole number"},
		`limit 1.5`:                                       {6, 9, "whole number"},
		`dedup a | fields b`:                              {10, 16, "only limit may follow dedup"},
		`parse @message`:                                  {14, 14, "expected a glob"},
		`parse "a * b"`:                                   {13, 13, "expected as"},
		`parse "a * b" as x, y`:                           {6, 13, "found 1 and 2"},
		`parse /a(b)/`:                                    {6, 12, "named group"},
		`parse csv`:                                       {9, 9, "expected as"},
		`parse csv as a,`:                                 {15, 15, "expected a name"},
		`parse logfmt`:                                    {12, 12, "expected as"},
		`unnest a`:                                        {8, 8, "expected into"},
		`diff previousYear`:                               {5, 17, `expected | or the end`},
		`fields a | join b`:                               {16, 17, "expected left=name"},
		`fields a | SOURCE 'x'`:                           {11, 17, "first command"},
		`SOURCE logGroups(name: ["a"])`:                   {17, 21, "expected namePrefix"},
		`filter ünï = 1 and é like /(/`:                   {26, 29, "regular expression"},
		`fields ` + strings.Repeat("(", 300):              {107, 107, "nested"},
		`filter ` + strings.Repeat("not ", 300):           {806, 806, "nested"},
		strings.Repeat("x", 10_001):                       {0, 10001, "at most 10000 characters"},
		"fields a # a comment | limit x\n| limit nothing": {39, 46, "whole number"},
		`SOURCE logGroups(namePrefix: [` + strings.Repeat(`"a",`, 5) + `"a"])`:          {0, 6, "at most 5 namePrefix values in SOURCE, found 6"},
		`SOURCE logGroups(accountIdentifiers: [` + strings.Repeat(`"1",`, 20) + `"1"])`: {0, 6, "at most 20 accountIdentifiers"},
		`SOURCE ` + strings.Repeat(`'a',`, 50) + `'a'`:                                  {0, 6, "at most 50 log groups"},
		`fields case(` + strings.Repeat(`a, 1, `, 11) + `2)`:                            {7, 80, "case takes 2 to 21 arguments, found 23"},
		strings.Repeat("stats count(*) as n|", 10) + "stats count(*)":                   {200, 205, "at most 10"},
	}
	for query, tt := range tests {
		name := query
		if len(name) > 60 {
			name = name[:60]
		}
		t.Run(name, func(t *testing.T) {
			_, err := insights.Parse(query)
			se, ok := errors.AsType[*insights.SyntaxError](err)
			if !ok {
				t.Fatalf("Parse = %v, want a syntax error", err)
			}
			if se.Start != tt.start || se.End != tt.end || !strings.Contains(se.Error(), tt.want) {
				t.Errorf("got %v, want %d to %d and %q", se, tt.start, tt.end, tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`fields @timestamp, abs(a.b.0) as x | filter x not in [1, "y"] or z like /(?i)e+/ | sort x desc, @timestamp | limit 5`,
		"stats pct(`a-b`, 99.9) as p, count(*)/2 by bin(5m) offset 1h, c | stats max(p) | display 1",
		`SOURCE logGroups(namePrefix: ["a"], class: ["STANDARD"]) | parse @message "a=* b=*" as a, b | dedup a, b`,
		`fields jsonParse(@message) as j | unnest j.items into it | filter !ispresent(it.x) and -a ^ 2 = 1e3 # end`,
		`parse @message /(?<n>\d+)/ | filterIndex n = 1`,
		`stats values(a) as v, topk(2, c) by bin(1s) as t | fillmissing with 0 for v | accum t | autoregress v p=1-3 | filldown t | sort t`,
		`stats sum(a) as s by c | addtotals fieldname=T row=true col=true s | filldown c* | parse c /(?<x>.)/ multi`,
		`parse logfmt as lf | fields lf.a | filldown`,
		`filter c like "x" | pattern @message | sort @sampleCount | limit any 3`,
		`fields parseDate(c, "yyyy-MM-dd'T'HH:mm z", "+02:00") as d, strftime(d, "%F %T"), case(a = 1, "x", formatDate(d, "EEE MMM")), split(c, "-")`,
	} {
		f.Add(s)
	}
	for _, s := range []string{
		`filter a not in (SOURCE 'g' | filter b = 1 | fields a) | stats count(*) by a`,
		`join type=left left=l right=r where l.a = r.a and r.c = l.c (SOURCE 'g' | stats count(*) as n by a, c) | fields l.a, r.n`,
		`lookup t id as c OUTPUT name as who, team | cidrlookup t net as c.x OUTPUT name | filter who = "x"`,
		`filter c like "x" | pattern c | diff previousMonth | sort @difference desc`,
		`cidrlookup t c OUTPUTNEW name as c | sessionize c, a.b maxspan 1h as s | stats rate(a.b, 5m), histogram(c, 3) as h by s | display h.a`,
		`outlier action=transform param=1e1 uselower=true mark=true a.b c | countFrequent c, c_outlier`,
		`expand items | json field=items "x" as y | parse c csv as p, q | relevantfields p, y where q = 1`,
		`pattern c | logcompare timeshift 7d | anomaly | sort @timestamp desc`,
		`appendcols override=true max=3 (SOURCE lg/a-b | fields a.b, c) | parse c /(.)(.)/ as x, y multi`,
	} {
		f.Add(s)
	}
	rows := messages(`{"a":{"b":[1,2]},"c":"x","items":[{"x":1},2]}`, "a=1 b=2", "", "\xff{", `{"items":`)
	f.Fuzz(func(t *testing.T, query string) {
		q, err := insights.Parse(query)
		if err != nil {
			se, ok := errors.AsType[*insights.SyntaxError](err)
			if !ok || se.Start < 0 || se.End < se.Start || se.End > len([]rune(query)) {
				t.Errorf("Parse(%q): bad error %v", query, err)
			}
			return
		}
		opt := options()
		for range q.Subqueries() {
			opt.Subqueries = append(opt.Subqueries, rows)
		}
		opt.Tables = map[string]*insights.Table{}
		for _, name := range q.Tables() {
			opt.Tables[name] = &insights.Table{Columns: []string{"id", "net", "name", "team"}, Rows: [][]string{{"x", "10.0.0.0/8", "n", ""}}}
		}
		if err := q.CheckTables(opt.Tables); err != nil {
			return
		}
		if _, err := q.Run(t.Context(), rows, opt); err != nil {
			t.Errorf("Run(%q): %v", query, err)
		}
	})
}
