package spanfact_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// writer writes a document with what matters at random places, among what does not.
type writer struct {
	bytes.Buffer
	random *rand.Rand
}

func (w *writer) space() {
	if w.random.IntN(8) == 0 {
		w.WriteString([]string{" ", "\n", "\t\r\n  "}[w.random.IntN(3)])
	}
}

// text writes s, some of it by escapes.
func (w *writer) text(s string) {
	w.space()
	w.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			fmt.Fprintf(w, `\%c`, c)
		case c < 0x20 || c < 0x8000 && w.random.IntN(60) == 0:
			fmt.Fprintf(w, `\u%04x`, c)
		default:
			w.WriteRune(c)
		}
	}
	w.WriteByte('"')
	w.space()
}

// object writes each of the members, in any order, some left out.
func (w *writer) object(members map[string]func()) {
	names := slices.Sorted(maps.Keys(members))
	w.random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	w.list("{}", len(names)+1, func() func() {
		name, value := w.word(), func() { w.any(2) }
		if len(names) > 0 && w.random.IntN(6) > 0 {
			name, names = names[0], names[1:]
			value = members[name]
		}
		return func() { w.text(name); w.WriteByte(':'); value() }
	})
}

// list writes up to most of what next returns.
func (w *writer) list(brackets string, most int, next func() func()) {
	w.space()
	w.WriteByte(brackets[0])
	for i := range most - w.random.IntN(most*2/3+1) {
		if i > 0 {
			w.WriteByte(',')
		}
		next()()
	}
	w.space()
	w.WriteByte(brackets[1])
	w.space()
}

func (w *writer) word() string {
	words := []string{"a", "wörter", "x\"y", "tab\tnew\nline", "back\\slash", "日本語 text that is longer than a few words are", "\U0001f600", "key", "\x7f", "{[]}"}
	return words[w.random.IntN(len(words))] + words[w.random.IntN(len(words))]
}

// any writes something that does not matter.
func (w *writer) any(depth int) {
	switch n := w.random.IntN(8); {
	case n < 2 && depth > 0:
		w.list("[]", 3, func() func() { return func() { w.any(depth - 1) } })
	case n < 4 && depth > 0:
		w.object(map[string]func(){w.word(): func() { w.any(depth - 1) }})
	case n < 6:
		w.text(w.word())
	default:
		w.WriteString([]string{"0", "-12.5e-3", "true", "false", "null", "1478293361.271"}[w.random.IntN(6)])
	}
}

// or writes a value, or now and then another.
func (w *writer) or(value func()) func() {
	return func() {
		if w.random.IntN(12) == 0 {
			w.any(2)
			return
		}
		value()
	}
}

func (w *writer) oneOf(texts ...string) func() {
	return w.or(func() { w.text(texts[w.random.IntN(len(texts))]) })
}

func (w *writer) flag() func() {
	return w.or(func() { fmt.Fprint(w, w.random.IntN(4) == 0) })
}

func (w *writer) time() func() {
	return w.or(func() {
		fmt.Fprintf(w, "%d", w.random.Uint64N(1<<34))
		if n := w.random.IntN(12); n > 0 {
			fmt.Fprintf(w, ".%0*d", n, w.random.Uint64N(1_000_000))
		}
	})
}

func (w *writer) work(depth int) {
	attributes := func() {
		w.object(map[string]func(){
			"http.route": w.oneOf("/orders/{id}"), "otel.resource.service.name": w.oneOf("orders"), "other": w.oneOf(""),
		})
	}
	w.object(map[string]func(){
		"id": w.oneOf("70de5b6f19ff9a0a", ""), "name": w.oneOf("orders", w.word()), "parent_id": w.oneOf("70de5b6f19ff9a0b", ""),
		"trace_id": w.oneOf("1-581cf771-a006649127e371903a2de979", "1-581cf771-a006649127e371903a2de97g", "1-00000000-"+strings.Repeat("0", 24), "none"),
		"type":     w.oneOf("subsegment", "segment", ""), "namespace": w.oneOf("remote", "aws", "", "aws"), "origin": w.oneOf("AWS::EC2::Instance"),
		"resource_arn": w.oneOf("arn:aws:ecs:eu-west-1:1:task/x"), "in_progress": w.flag(), "error": w.flag(), "fault": w.flag(), "throttle": w.flag(),
		"start_time": w.time(), "end_time": w.time(),
		"http": w.or(func() {
			w.object(map[string]func(){"response": w.or(func() { w.any(2) }), "request": w.or(func() {
				w.object(map[string]func(){"method": w.oneOf("GET", "POST"), "url": w.oneOf("http://shop/orders/42?x=1", "https://u:p@h?", "shop", "http://h")})
			})})
		}),
		"aws": w.or(func() {
			w.object(map[string]func(){
				"operation": w.oneOf("GetItem"), "table_name": w.oneOf("orders", ""), "queue_url": w.oneOf("https://sqs/1/jobs", "x/", "jobs"),
				"topic_arn": w.oneOf("arn:aws:sns:r:1:news"), "bucket_name": w.oneOf("b"), "xray": w.or(func() {
					w.object(map[string]func(){"sampling_rule_name": w.oneOf("Default", ""), "sdk": w.oneOf("x")})
				}),
			})
		}),
		"annotations": w.or(attributes),
		"metadata": w.or(func() {
			w.object(map[string]func(){"default": w.or(attributes), "otel": w.or(func() { w.object(map[string]func(){"name": w.oneOf("GET /orders")}) }), "own": attributes})
		}),
		"subsegments": w.or(func() {
			w.list("[]", 3, func() func() {
				if depth > 4 {
					return func() { w.any(1) }
				}
				return w.or(func() { w.work(depth + 1) })
			})
		}),
	})
}
