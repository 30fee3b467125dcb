package awsproto

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// node is one step of the names of a form: "MetricData", "member", "1". A
// name may have a value and continue in others.
type node struct {
	value string
	set   bool
	kids  map[string]*node
}

// maxFormValues bounds the pairs of a form. PutMetricData's 1 MB can hold no
// more than some hundred thousand.
const maxFormValues = 1 << 18

// parseForm makes a tree of an application/x-www-form-urlencoded body.
func parseForm(body string) (*node, error) {
	root := &node{}
	for n := 0; body != ""; n++ {
		if n == maxFormValues {
			return nil, errors.New("form has too many values")
		}
		var pair string
		pair, body, _ = strings.Cut(body, "&")
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(key)
		if err != nil {
			return nil, fmt.Errorf("read name of a form value: %w", err)
		}
		value, err = url.QueryUnescape(value)
		if err != nil {
			return nil, fmt.Errorf("read form value %q: %w", key, err)
		}
		if err := root.put(key, value); err != nil {
			return nil, err
		}
	}
	return root, nil
}

func (n *node) put(key, value string) error {
	for depth := 0; ; depth++ {
		if depth > maxDepth {
			return errDepth
		}
		step, rest, more := strings.Cut(key, ".")
		kid := n.kids[step]
		if kid == nil {
			kid = &node{}
			if n.kids == nil {
				n.kids = make(map[string]*node)
			}
			n.kids[step] = kid
		}
		n = kid
		if !more {
			n.value, n.set = value, true
			return nil
		}
		key = rest
	}
}

// text is the value of a direct child.
func (n *node) text(name string) string {
	if kid := n.kids[name]; kid != nil {
		return kid.value
	}
	return ""
}

// decodeForm fills in, a pointer to a structure, from a form.
func decodeForm(root *node, p *plans, in any) error {
	v := reflect.ValueOf(in).Elem()
	pl, err := p.of(v.Type())
	if err != nil {
		return err
	}
	return (&formDecoder{plans: p}).structure(pl, root, v)
}

type formDecoder struct{ plans *plans }

func (d *formDecoder) structure(pl *plan, n *node, v reflect.Value) error {
	for i := range pl.fields {
		f := &pl.fields[i]
		kid := n.kids[f.name]
		if kid == nil {
			continue
		}
		if err := d.value(f.plan, f.ptr, kid, v.Field(f.index)); err != nil {
			return at(f.name, err)
		}
	}
	return nil
}

func (d *formDecoder) value(pl *plan, ptr bool, n *node, v reflect.Value) error {
	if !ptr {
		return d.bare(pl, n, v)
	}
	e := reflect.New(pl.typ)
	if err := d.bare(pl, n, e.Elem()); err != nil {
		return err
	}
	v.Set(e)
	return nil
}

func (d *formDecoder) bare(pl *plan, n *node, v reflect.Value) error {
	switch pl.kind {
	case kindList:
		return d.list(pl, n, v)
	case kindMap:
		return d.dictionary(pl, n, v)
	case kindStruct:
		return d.structure(pl, n, v)
	case kindUnion:
		return d.union(pl, n, v)
	}
	if !n.set {
		return errors.New("a structure can not be converted to a value")
	}
	return scalar(pl, n.value, v)
}

func scalar(pl *plan, s string, v reflect.Value) error {
	switch pl.kind {
	case kindString:
		v.SetString(s)
		return nil
	case kindBool:
		b, ok := map[string]bool{"true": true, "false": false}[strings.ToLower(s)]
		if !ok {
			return fmt.Errorf("%q can not be converted to a boolean", s)
		}
		v.SetBool(b)
		return nil
	case kindInt:
		i, err := strconv.ParseInt(s, 10, pl.bits)
		if err != nil {
			return fmt.Errorf("%q can not be converted to an integer", s)
		}
		v.SetInt(i)
		return nil
	case kindFloat:
		f, err := formFloat(s)
		v.SetFloat(f)
		return err
	case kindTime:
		t, err := formTime(s)
		*v.Addr().Interface().(*time.Time) = t
		return err
	case kindBlob:
		b, err := base64.StdEncoding.DecodeString(s)
		v.SetBytes(b)
		return err
	}
	return fmt.Errorf("BUG: no way to read a %v", pl.typ)
}

func formFloat(s string) (float64, error) {
	if f, err := specialFloat(s); err == nil {
		return f, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, fmt.Errorf("%q can not be converted to a double", s)
	}
	return f, nil
}

// formTime reads ISO 8601 in the forms clients send, or epoch seconds.
func formTime(s string) (time.Time, error) {
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z07:00", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return epoch(f)
	}
	return time.Time{}, fmt.Errorf("%q can not be converted to a timestamp", s)
}

// list reads Name.member.1, Name.member.2 … in the order of their numbers. An
// empty list is "Name=".
func (d *formDecoder) list(pl *plan, n *node, v reflect.Value) error {
	items, err := n.numbered("member")
	if err != nil {
		return err
	}
	out := reflect.MakeSlice(pl.typ, len(items), len(items))
	for i, item := range items {
		if err := d.value(pl.elem, pl.ptr, item, out.Index(i)); err != nil {
			return at("["+strconv.Itoa(i)+"]", err)
		}
	}
	v.Set(out)
	return nil
}

// dictionary reads Name.entry.1.key and Name.entry.1.value.
func (d *formDecoder) dictionary(pl *plan, n *node, v reflect.Value) error {
	items, err := n.numbered("entry")
	if err != nil {
		return err
	}
	out := reflect.MakeMap(pl.typ)
	for i, item := range items {
		key, val := item.kids["key"], item.kids["value"]
		if key == nil || val == nil {
			return at("["+strconv.Itoa(i)+"]", errors.New("entry has no key and value"))
		}
		e := reflect.New(pl.typ.Elem()).Elem()
		if err := d.value(pl.elem, pl.ptr, val, e); err != nil {
			return at(key.value, err)
		}
		out.SetMapIndex(reflect.ValueOf(key.value).Convert(pl.typ.Key()), e)
	}
	v.Set(out)
	return nil
}

func (d *formDecoder) union(pl *plan, n *node, v reflect.Value) error {
	if len(n.kids) != 1 {
		return errors.New("union has not exactly one member")
	}
	for name, kid := range n.kids {
		member, ok := pl.union[name]
		if !ok {
			return errors.New("union has no known member")
		}
		mp, err := d.plans.of(member)
		if err != nil {
			return err
		}
		e := reflect.New(member)
		f := &mp.fields[0]
		if err := d.value(f.plan, f.ptr, kid, e.Elem().Field(f.index)); err != nil {
			return at(name, err)
		}
		v.Set(e)
	}
	return nil
}

// numbered returns the children of the child called step, by their numbers.
func (n *node) numbered(step string) ([]*node, error) {
	group := n.kids[step]
	if group == nil {
		if n.set && n.value == "" {
			return nil, nil
		}
		return nil, errors.New("a value can not be converted to a list")
	}
	keys := make([]int, 0, len(group.kids))
	for k := range group.kids {
		i, err := strconv.Atoi(k)
		if err != nil || i < 0 {
			return nil, fmt.Errorf("%q is not the number of an element", k)
		}
		keys = append(keys, i)
	}
	slices.Sort(keys)
	out := make([]*node, 0, len(keys))
	for _, k := range keys {
		if kid := group.kids[strconv.Itoa(k)]; kid != nil { // nil: written as 01
			out = append(out, kid)
		}
	}
	return out, nil
}
