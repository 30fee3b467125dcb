package alarm

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of DescribeAlarms' StateReason and StateReasonData, in characters. The
// texts are ASCII, so bytes are the same.
const (
	maxReason = 1023
	maxData   = 4000
)

// timeLayout is how times look in reason data: milliseconds and +0000.
const timeLayout = "2006-01-02T15:04:05.000-0700"

// Data is the content of StateReasonData.
type Data struct {
	QueryDate time.Time
	// Start is the oldest datapoint's time, zero without datapoints.
	Start     time.Time
	Statistic string
	Period    time.Duration
	Unit      string
	// Recent are the values that counted, oldest first.
	Recent []float64
	// Lower and Upper are their bands, for band operators.
	Lower, Upper []float64
	Threshold    float64
	// Band says that Lower and Upper replace Threshold.
	Band bool
	// Evaluated are the newest N windows or more, newest first, missing ones too.
	Evaluated []Slot
}

func (r Rule) data(slots []Slot, t tally, now time.Time) Data {
	d := Data{
		QueryDate: now, Statistic: r.Statistic, Period: r.Period, Unit: r.Unit,
		Threshold: r.Threshold, Band: r.Operator.Band(),
	}
	for _, s := range slices.Backward(t.used) {
		d.Recent = append(d.Recent, s.Value)
		if d.Band {
			d.Lower, d.Upper = append(d.Lower, s.Lower), append(d.Upper, s.Upper)
		}
	}
	if len(t.used) > 0 {
		d.Start = t.used[len(t.used)-1].Start
	}
	for _, s := range slices.Backward(slots) {
		d.Evaluated = append(d.Evaluated, s)
	}
	return d
}

// reasonData is the JSON of Data, in the order that CloudWatch writes.
type reasonData struct {
	Version   string      `json:"version"`
	QueryDate string      `json:"queryDate"`
	StartDate string      `json:"startDate,omitempty"`
	Unit      string      `json:"unit,omitempty"`
	Statistic string      `json:"statistic,omitempty"`
	Period    int         `json:"period"`
	Recent    []number    `json:"recentDatapoints"`
	Lower     []number    `json:"recentLowerThresholds,omitempty"`
	Upper     []number    `json:"recentUpperThresholds,omitempty"`
	Threshold *number     `json:"threshold,omitempty"`
	Evaluated []evaluated `json:"evaluatedDatapoints,omitempty"`
}

type evaluated struct {
	Timestamp string  `json:"timestamp"`
	Samples   *number `json:"sampleCount,omitempty"`
	Value     *number `json:"value,omitempty"`
}

// number is written as CloudWatch writes doubles: always with a fraction.
type number float64

// MarshalJSON implements json.Marshaler.
func (n number) MarshalJSON() ([]byte, error) { return []byte(formatNumber(float64(n))), nil }

// JSON returns the text of StateReasonData: at most 4,000 bytes, the oldest
// datapoints left out if there are too many.
func (d Data) JSON() string {
	recent, windows := len(d.Recent), len(d.Evaluated)
	for {
		b, err := json.Marshal(d.document(recent, windows))
		if err != nil {
			panic("BUG: reason data does not marshal: " + err.Error())
		}
		if len(b) <= maxData || recent+windows == 0 {
			return string(b)
		}
		recent, windows = recent*3/4, windows*3/4
	}
}

// document is d with its newest recent values and windows.
func (d Data) document(recent, windows int) reasonData {
	doc := reasonData{
		Version: "1.0", QueryDate: formatTime(d.QueryDate), Unit: d.Unit, Statistic: d.Statistic,
		Period: int(d.Period / time.Second),
		Recent: numbers(d.Recent, recent), Lower: numbers(d.Lower, recent), Upper: numbers(d.Upper, recent),
	}
	if !d.Start.IsZero() {
		doc.StartDate = formatTime(d.Start)
	}
	if !d.Band {
		doc.Threshold = new(number(d.Threshold))
	}
	for _, s := range d.Evaluated[:windows] {
		e := evaluated{Timestamp: formatTime(s.Start)}
		if s.Present {
			e.Value = new(number(s.Value))
			if s.Samples > 0 {
				e.Samples = new(number(s.Samples))
			}
		}
		doc.Evaluated = append(doc.Evaluated, e)
	}
	return doc
}

// numbers returns the last n of vs.
func numbers(vs []float64, n int) []number {
	out := []number{}
	for _, v := range vs[max(0, len(vs)-n):] {
		out = append(out, number(v))
	}
	return out
}

func formatTime(t time.Time) string { return t.UTC().Format(timeLayout) }

// formatNumber writes v with at least one digit after the point.
func formatNumber(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "0.0" // JSON has no such number; stores refuse it at the door
	}
	if a := math.Abs(v); a != 0 && (a < 1e-3 || a >= 1e7) {
		s := strconv.FormatFloat(v, 'E', -1, 64)
		mantissa, exp, _ := strings.Cut(s, "E")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		e, _ := strconv.Atoi(exp) // FormatFloat wrote it
		return mantissa + "E" + strconv.Itoa(e)
	}
	s := strconv.FormatFloat(v, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// reason writes StateReason. Its forms are those that CloudWatch is seen to
// write: with and without DatapointsToAlarm, with missing data, without any.
func (r Rule) reason(state State, t tally) string {
	if state == StateInsufficientData {
		return fmt.Sprintf("Insufficient Data: %s unknown.", counted(t.missing, "datapoint", "was", "were"))
	}
	var b strings.Builder
	b.WriteString("Threshold Crossed: ")
	filled := r.Missing == Breaching || r.Missing == NotBreaching
	if len(t.used) == 0 {
		fmt.Fprintf(&b, "no datapoints were received for %s", counted(r.N, "period", "", ""))
	} else {
		r.writeDatapoints(&b, state, t)
	}
	if t.missing > 0 && filled {
		fmt.Fprintf(&b, " and %s treated as [%s]", counted(t.missing, "missing datapoint", "was", "were"), r.treatment())
	}
	if r.M > 0 && len(t.used) > 0 && (t.missing == 0 || !filled) {
		b.WriteString(r.minimum(state))
	}
	b.WriteString(".")
	return b.String()
}

// writeDatapoints lists the datapoints that speak for state, newest first.
func (r Rule) writeDatapoints(b *strings.Builder, state State, t tally) {
	var shown []Slot
	for _, s := range t.used {
		if r.M == 0 || r.breaches(s) == (state == StateAlarm) {
			shown = append(shown, s)
		}
	}
	if len(shown) == 0 {
		shown = t.used
	}
	if r.M > 0 && t.missing == 0 {
		fmt.Fprintf(b, "%d out of the last %d datapoints ", len(shown), r.N)
	} else {
		b.WriteString(counted(len(shown), "datapoint", "", "") + " ")
	}
	b.WriteString("[")
	// The rest of the sentence stays below 300 bytes.
	for i, s := range shown {
		if b.Len() > maxReason-360 {
			b.WriteString(", ...")
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(b, "%s (%s)", formatNumber(s.Value), s.Start.UTC().Format("02/01/06 15:04:05"))
	}
	b.WriteString("] ")
	b.WriteString(verb(len(shown)))
	if !r.breaches(shown[0]) {
		b.WriteString(" not")
	}
	b.WriteString(" " + r.comparison(shown[0]))
}

func (r Rule) comparison(newest Slot) string {
	switch r.Operator {
	case GreaterOrEqual:
		return "greater than or equal to the threshold (" + formatNumber(r.Threshold) + ")"
	case Greater:
		return "greater than the threshold (" + formatNumber(r.Threshold) + ")"
	case Less:
		return "less than the threshold (" + formatNumber(r.Threshold) + ")"
	case LessOrEqual:
		return "less than or equal to the threshold (" + formatNumber(r.Threshold) + ")"
	case BelowBand:
		return "less than the lower threshold (" + formatNumber(newest.Lower) + ")"
	case AboveBand:
		return "greater than the upper threshold (" + formatNumber(newest.Upper) + ")"
	}
	return "less than the lower threshold (" + formatNumber(newest.Lower) +
		") or greater than the upper threshold (" + formatNumber(newest.Upper) + ")"
}

// minimum is the closing remark of alarms with DatapointsToAlarm.
func (r Rule) minimum(state State) string {
	n, change := r.need(), "OK -> ALARM"
	if state == StateOK {
		n, change = r.N-r.need()+1, "ALARM -> OK"
	}
	return fmt.Sprintf(" (minimum %s for %s transition)", counted(n, "datapoint", "", ""), change)
}

func (r Rule) treatment() string {
	if r.Missing == Breaching {
		return "Breaching"
	}
	return "NonBreaching"
}

func verb(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

// counted writes "1 period" or "2 periods", with a verb if it is given.
func counted(n int, noun, one, many string) string {
	s, v := fmt.Sprintf("%d %s", n, noun), one
	if n != 1 {
		s, v = s+"s", many
	}
	if v == "" {
		return s
	}
	return s + " " + v
}
