package render

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Count writes a whole number with its digits in groups of three: "1 204 331".
func Count(n int64) string {
	text := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, text = "-", text[1:]
	}
	var parts []string
	for len(text) > 3 {
		parts = append([]string{text[len(text)-3:]}, parts...)
		text = text[:len(text)-3]
	}
	return sign + strings.Join(append([]string{text}, parts...), " ")
}

// Plural writes a count and a noun: "1 fault", "2 faults".
func Plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return Count(int64(n)) + " " + noun
}

// Number writes a value with three significant digits and a decimal prefix:
// "0.052", "12.4", "1.2k", "34M". NaN and infinities are "-".
func Number(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "-"
	}
	return scaled(v, 1000, []string{"", "k", "M", "G", "T", "P"}, "")
}

// Bytes writes a size with a decimal prefix: "512 B", "1.2 kB", "361 MB".
func Bytes(n int64) string {
	return scaled(float64(n), 1000, []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}, " ")
}

// scaled writes v in the largest unit that keeps it at least 1.
func scaled(v, base float64, units []string, space string) string {
	i := 0
	for i < len(units)-1 && math.Abs(round3(v)) >= base {
		v /= base
		i++
	}
	return round3Text(v) + space + units[i]
}

// round3 keeps three significant digits, and all digits before the point.
func round3(v float64) float64 {
	if v == 0 {
		return 0
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	if digits <= 0 {
		return math.Round(v)
	}
	p := math.Pow(10, float64(digits))
	if math.IsInf(p, 0) {
		return 0 // below any number of interest
	}
	return math.Round(v*p) / p
}

func round3Text(v float64) string { return strconv.FormatFloat(round3(v), 'f', -1, 64) }

// Duration writes a time span with about three digits, in two units at most:
// "850 µs", "82 ms", "1.84 s", "2 min 5 s", "3 h 20 min", "4 d 2 h".
func Duration(d time.Duration) string {
	if d < 0 {
		return "-" + Duration(-d)
	}
	switch {
	case d == 0:
		return "0 s"
	case d < time.Microsecond:
		return strconv.FormatInt(int64(d), 10) + " ns"
	case d < time.Millisecond:
		return round3Text(float64(d)/float64(time.Microsecond)) + " µs"
	case d < time.Second:
		return round3Text(float64(d)/float64(time.Millisecond)) + " ms"
	case d < time.Minute-5*time.Millisecond:
		return round3Text(d.Seconds()) + " s"
	case d < time.Hour-time.Second/2:
		return twoUnits(d.Round(time.Second), time.Minute, "min", time.Second, "s")
	case d < 24*time.Hour-time.Minute/2:
		return twoUnits(d.Round(time.Minute), time.Hour, "h", time.Minute, "min")
	}
	return twoUnits(d.Round(time.Hour), 24*time.Hour, "d", time.Hour, "h")
}

func twoUnits(d, large time.Duration, largeName string, small time.Duration, smallName string) string {
	text := strconv.FormatInt(int64(d/large), 10) + " " + largeName
	if rest := d % large / small; rest > 0 {
		text += " " + strconv.FormatInt(int64(rest), 10) + " " + smallName
	}
	return text
}

// Seconds writes a number of seconds as Duration does; NaN is "-".
func Seconds(s float64) string {
	if math.IsNaN(s) || math.Abs(s) > 1e9 {
		return "-"
	}
	return Duration(time.Duration(math.Round(s * 1e9)))
}

// Percent writes a share of 1: "92 %", "1.8 %". What is not nothing and not
// all does not look so: "<0.1 %", ">99.9 %". NaN is "-".
func Percent(share float64) string {
	p := share * 100
	switch {
	case math.IsNaN(share):
		return "-"
	case p <= 0:
		return "0 %"
	case p < 0.1:
		return "<0.1 %"
	case p > 99.9 && p < 100:
		return ">99.9 %"
	case p < 10 || p > 99 && p < 100:
		return strconv.FormatFloat(math.Round(p*10)/10, 'f', -1, 64) + " %"
	}
	return strconv.FormatFloat(math.Round(p), 'f', 0, 64) + " %"
}

// Rate writes a number of things per second in the unit that suits it:
// "12.4/s", "3/min", "5/h".
func Rate(perSecond float64) string {
	switch {
	case math.IsNaN(perSecond) || math.IsInf(perSecond, 0):
		return "-"
	case perSecond == 0:
		return "0/s"
	case perSecond >= 0.1:
		return Number(perSecond) + "/s"
	case perSecond*60 >= 0.1:
		return Number(perSecond*60) + "/min"
	}
	return Number(perSecond*3600) + "/h"
}
