package insights_test

import (
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/insights"
)

// expressions are what they show, evaluated on one event; an empty answer means
// a missing value.
func expressions() map[string]string {
	return map[string]string{
		// literals, fields, access
		`1`: "1", `1.50`: "1.5", `-3`: "-3", `1e3`: "1000", `"x"`: "x", `'a"b'`: `a"b`, `"a\"b\\c\n"`: "a\"b\\c\n", `true`: "1", `null`: "",
		`n`: "-2.5", `big`: "12345678901234567890", `s`: "Héllo", `t`: "true", `nil`: "", `o`: "", `o.a.0`: "1", `o.a.1.b`: "deep", `o.a[1].b`: "deep",
		"o.`k-ey`": "dash", "`o.k-ey`": "dash", `a.b`: "dotted", `esc`: "say \"hi\"\n", `zz`: "", `o.zz`: "", `o.a.9`: "", `@@at`: "at", `N`: "",
		`@logStream`: "prod/web-1", `@log`: "123456789012:/app/web", `@timestamp`: "2026-11-22 12:00:00.000", `@ingestionTime`: "2026-11-22 12:00:00.500",
		`@entity.KeyAttributes.Name`: "",
		// operators
		`1 + 2 * 3`: "7", `(1 + 2) * 3`: "9", `7 / 2`: "3.5", `7 % 4`: "3", `2 ^ 3`: "8", `2 ^ 3 ^ 2`: "512", `-2 ^ 2`: "4", `10 - 2 - 3`: "5",
		`1 / 0`: "", `n + zz`: "", `s + 1`: "", `num + 1`: "43", `i-1`: "6", `@timestamp + 0`: "1795348800000",
		`1 < 2`: "1", `2 <= 1`: "0", `num = 42`: "1", `num = "42.0"`: "0", `i = "7.0"`: "1", `s > "H"`: "1", `"10" < "9"`: "1", `num < 100`: "1",
		`zz = 1`: "0", `zz != 1`: "0", `not zz = 1`: "1", `nil = null`: "0", `s != 1`: "1", `t = true`: "1", `f = false`: "1", `t = "true"`: "1",
		`i in [1, 7]`: "1", `i not in [1, 7]`: "0", `zz in [1]`: "0", `zz not in [1]`: "0", `s in []`: "0", `s in ["Héllo"]`: "1",
		`s like "ll"`: "1", `s like /^H.l/`: "1", `s like /hé/`: "0", `s like /(?i)HÉ/`: "1", `s =~ /o$/`: "1", `s not like "z"`: "1", `zz not like "z"`: "0",
		`s like "l*o"`: "0", `s like /z*/`: "1", `1 = 1 and 1 = 2 or 1 = 1`: "1", `1 = 1 or 1 = 1 and 1 = 2`: "1", `not 1 = 2 and 1 = 1`: "1",
		`!ispresent(zz)`: "1", `o = 1`: "0", `esc like "hi\""`: "1", `esc = "say \"hi\"\n"`: "1",
		// numbers
		`abs(n)`: "2.5", `ceil(n)`: "-2", `floor(n)`: "-3", `round(n)`: "-3", `round(2.345, 2)`: "2.35", `round(1234, -2)`: "1200", `sqrt(16)`: "4", `sqrt(-1)`: "",
		`log(1)`: "0", `log(0)`: "", `greatest(1, i, n)`: "7", `least(1, i, n, s)`: "-2.5", `toNumber(num)`: "42", `toNumber(s)`: "", `toInt(2.9)`: "2",
		`toLong("-2.9")`: "-2", `toDouble("1e2")`: "100", `round(haversine(0, 0, 0, 1), 1)`: "111.2", `abs(s)`: "",
		// general
		`ispresent(s)`: "1", `ispresent(zz)`: "0", `ispresent(nil)`: "0", `coalesce(zz, nil, num, s)`: "42", `isNumeric(num)`: "1", `isNumeric(s)`: "0",
		`if(i > 5, "big", "small")`: "big", `if(i > 9, "big", "small")`: "small", `case(i = 1, "a", i = 7, "b", "c")`: "b", `case(i = 1, "a", "c")`: "c", `case(i = 1, "a")`: "",
		`queryStartTime()`: "1795345200000", `queryEndTime()`: "1795435200000", `queryTimeRange()`: "90000000", `messageSize(s)`: "6", `unmask(s)`: "Héllo",
		// text
		`isempty(e)`: "1", `isempty(zz)`: "1", `isempty(s)`: "0", `isblank("  ")`: "1", `isblank(pad)`: "0", `concat(s, "-", i, zz)`: "Héllo-7",
		`trim(pad)`: "x y", `ltrim(pad)`: "x y ", `rtrim(pad)`: "  x y", `trim("xyZxyfooxyxyZ","xyZ")`: "foo", `ltrim("xxa", "x")`: "a", `rtrim("axx", "x")`: "a",
		`strlen(s)`: "5", `strlen(i)`: "1", `strlen(zz)`: "", `toupper(s)`: "HÉLLO", `tolower(s)`: "héllo", `substr(s, 1)`: "éllo", `substr(s, 1, 2)`: "él", `substr(s, 9)`: "", `substr(s, -1, 1)`: "H",
		`replace(s, "l", "L")`: "HéLLo", `replace(s, "", "x")`: "Héllo", `regexReplace(s, /l+/, "<$0>")`: "Hé<ll>o", `regexReplace(s, "(H)(.)", "$2$1")`: "éHllo",
		`strcontains(s, "ell")`: "0", `strcontains(s, "éll")`: "1", `strcontains(s, "ÉLL", true)`: "1", `strcontains(zz, "x")`: "0",
		`startsWith(s, "Hé")`: "1", `endsWith(s, "lo")`: "1", `endsWith(s, "x")`: "0",
		// codes
		`urlencode("a b&c/é")`: "a%20b%26c%2F%C3%A9", `urldecode("a%20b%26+c")`: "a b&+c", `urldecode("%zz")`: "", `base64encode("hi")`: "aGk=", `base64decode("aGk=")`: "hi", `base64decode("?")`: "",
		`hexToAscii("4869")`: "Hi", `hexToAscii("4")`: "", `hexToDec("ff")`: "255", `hexToDec("0x10")`: "16", `hexToDec("g")`: "", `decToHex(255)`: "ff", `decToHex(-1)`: "",
		`md5("a")`: "0cc175b9c0f1b6a831c399e269772661", `sha256("")`: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		// JSON
		`jsonParse(json)`: `[1,"x",{"y":2}]`, `jsonParse("{bad")`: "", `jsonParse("5")`: "5", `jsonParse(s)`: "", `jsonStringify(jsonParse(json))`: `[1,"x",{"y":2}]`, `jsonStringify(s)`: `"Héllo"`, `jsonStringify(i)`: "7",
		`jsonArraySize(json)`: "3", `jsonArraySize("[]")`: "0", `jsonArraySize(s)`: "", `jsonArrayContains(json, "x")`: "1", `jsonArrayContains(json, 1)`: "1", `jsonArrayContains(json, "z")`: "0",
		`split("a,b\"", ",")`: `["a","b\""]`, `strlen(jsonParse(json))`: "", `jsonParse(json) = 1`: "0", `isempty(jsonParse(json))`: "0",
		// addresses
		`isValidIp(ip)`: "1", `isValidIp("x")`: "0", `isValidIpV4(ip)`: "1", `isValidIpV6(ip)`: "0", `isValidIpv6("::1")`: "1", `isIpInSubnet(ip, "10.0.0.0/8")`: "1", `isIpv4InSubnet(ip, "10.2.0.0/16")`: "0",
		`isIpv6InSubnet("2001:db8::1", "2001:db8::/32")`: "1", `isIpv6InSubnet(ip, "10.0.0.0/8")`: "0", `ipv4ToNumber("1.2.3.4")`: "16909060", `ipv4ToNumber("::1")`: "",
		`isPrivateIP(ip)`: "1", `isPublicIP("8.8.8.8")`: "1", `isPublicIP(ip)`: "0", `isReservedIP("127.0.0.1")`: "1", `isReservedIP(ip)`: "0",
		// time
		`bin(1h)`: "2026-11-22 12:00:00.000", `bin(1w)`: "2026-11-16 00:00:00.000", `bin(2d)`: "2026-11-21 00:00:00.000", `bin(1mo)`: "2026-11-01 00:00:00.000", `bin(1q)`: "2026-10-01 00:00:00.000", `bin(1y)`: "2026-01-01 00:00:00.000",
		`datefloor(1795349099999, 5m)`: "2026-11-22 12:00:00.000", `dateceil(1795349099999, 5m)`: "2026-11-22 12:05:00.000", `dateceil(@timestamp, 5m)`: "2026-11-22 12:00:00.000", `dateceil(@timestamp, 1mo)`: "2026-12-01 00:00:00.000",
		`datefloor(-1, 1s)`: "1969-12-31 23:59:59.000", `datefloor(s, 5m)`: "", `datefloor(zz, 5m)`: "",
		`fromMillis(0)`: "1970-01-01 00:00:00.000", `fromMillis(1e300)`: "", `toMillis(@timestamp)`: "1795348800000", `now()`: "1795352400",
		`formatDate(@timestamp, "yyyy-MM-dd'T'HH:mm:ss.SSSXXX")`: "2026-11-22T12:00:00.000Z", `formatDate(@timestamp, "EEE, d MMM yy h:mm a", "-05:00")`: "Sun, 22 Nov 26 7:00 AM", `formatDate(s, "yyyy")`: "",
		`strftime(@timestamp, "%F %T %j %a %A %b %B %I%p %e %s %%")`: "2026-11-22 12:00:00 326 Sun Sunday Nov November 12PM 22 1795348800 %", `strftime(@timestamp, "%H:%M", "+02:00")`: "14:00",
		`parseDate("2026-11-22 12:00:00", "yyyy-MM-dd HH:mm:ss")`: "1795348800000", `parseDate("20261122T130000.5+0100", "yyyyMMdd'T'HHmmss.SZ")`: "1795348800500",
		`parseDate("22/Nov/2026:12:00:00 Z", "dd/MMM/yyyy:HH:mm:ss X")`: "1795348800000", `parseDate("2026-11-22 14:00", "yyyy-MM-dd HH:mm", "+02:00")`: "1795348800000",
		`parseDate("Sunday, November 22 2026 12 pm", "EEEE, MMMM d yyyy h a")`: "1795348800000", `parseDate("1795348800", "%s")`: "1795348800000",
		`parseDate("2026-02-30", "yyyy-MM-dd")`: "", `parseDate("2026-13-01", "yyyy-MM-dd")`: "", `parseDate("x", "yyyy")`: "", `parseDate("2026x", "yyyy")`: "", `parseDate(zz, "yyyy")`: "",
		`fromMillis(parseDate("2026-326", "yyyy-DDD"))`: "2026-11-22 00:00:00.000",
	}
}

func TestExpressions(t *testing.T) {
	event := `{"n":-2.5,"i":7,"big":12345678901234567890,"s":"Héllo","num":"42","pad":"  x y ","t":true,"f":false,"nil":null,` +
		`"o":{"a":[1,{"b":"deep"}],"k-ey":"dash"},"a.b":"dotted","e":"","esc":"say \"hi\"\n","ip":"10.1.2.3","json":"[1,\"x\",{\"y\":2}]","@at":"at"}`
	rows := insights.Rows{at(0, event)}
	for text, want := range expressions() {
		t.Run(text, func(t *testing.T) {
			got := strings.Join(show(run(t, "fields "+text+" as v", rows)), "|")
			if want != "" || text == "substr(s, 9)" {
				want = "v=" + want
			}
			if got != want {
				t.Errorf("%s shows %q, want %q", text, got, want)
			}
		})
	}
}

func TestNumbersAsShown(t *testing.T) {
	tests := map[string]string{
		"0.1 + 0.2": "0.30000000000000004", "1/3": "0.3333333333333333", "1e15": "1000000000000000", "1e20 * 1": "100000000000000000000",
		"1e21 * 1": "1E+21", "1e-7 * 1": "1E-07", "0 * -1": "0", "100 / 4": "25",
	}
	for text, want := range tests {
		expect(t, "fields "+text+" as v", messages("x"), "v="+want)
	}
}

// aggregates are what they show of the events of TestAggregates.
func aggregates() map[string]string {
	return map[string]string{
		`count(*)`: "5", `count()`: "5", `count(v)`: "4", `count_distinct(v)`: "4", `countDistinct(zz)`: "0", `sum(v)`: "8", `sum(zz)`: "", `avg(v)`: "2.6666666666666665",
		`min(v)`: "1", `max(v)`: "4", `min(zz)`: "", `max(concat(s, ":"))`: "b9:", `min(concat("k", s))`: "k", `median(v)`: "3", `pct(v, 0)`: "1", `pct(v, 100)`: "4", `pct(v, 75)`: "3.5", `pct(zz, 50)`: "",
		`variance(v)`: "1.55555555556", `round(stddev(v), 6)`: "1.247219", `stddev(zz)`: "", `earliest(v)`: "3", `latest(v)`: "4", `latest(zz)`: "",
		`sortsFirst(s)`: "a", `sortsLast(s)`: "5", `sum(v)/count(*)`: "1.6", `max(@timestamp)`: "2026-11-22 12:00:04.000", `sum(v > 2)`: "3", `COUNT(*)`: "5",
		`values(v)`: `["x","1","3","4"]`, `topk(1, s)`: `["a"]`,
		`countOverTime(v)`: "4", `count_over_time(zz)`: "0", `sumOverTime(v)`: "8", `sum_over_time(zz)`: "",
		`rate(v, 1m)`: "20", `rate(v, 3s)`: "1", `rate(s, 1m)`: "", `rate(zz, 1h)`: "",
		`histogram(v, 3)`: `{"1-2":1,"2-3":0,"3-4":2}`, `histogram(v, 1)`: `{"1-4":3}`, `histogram(s, 5)`: `{"5-5":1}`, `histogram(zz, 2)`: "",
	}
}

func TestAggregates(t *testing.T) {
	rows := messages(`{"v":3,"s":"b10"}`, `{"v":"1","s":"b9"}`, `{"v":"x","s":"a"}`, `{"v":4,"s":"5"}`, `{}`)
	for text, want := range aggregates() {
		t.Run(text, func(t *testing.T) {
			if want != "" {
				want = "r=" + want
			}
			expect(t, "stats "+text+" as r", rows, want)
		})
	}
}
