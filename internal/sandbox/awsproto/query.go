package awsproto

import (
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"time"
)

// decodeQuery sets the members of in that are in the query of the URL.
func decodeQuery(q url.Values, s *service, in any) error {
	v := reflect.ValueOf(in).Elem()
	pl, err := s.plans.of(v.Type())
	if err != nil {
		return err
	}
	for name := range s.spec.Query {
		f := pl.byName[name]
		if f == nil || !q.Has(name) {
			continue
		}
		value, err := queryValue(f.plan, q.Get(name))
		if err != nil {
			return at(name, err)
		}
		member := v.Field(f.index)
		if f.ptr {
			member.Set(reflect.New(f.plan.typ))
			member = member.Elem()
		}
		member.Set(reflect.ValueOf(value).Convert(f.plan.typ))
	}
	return nil
}

// queryValue reads a value that is not a structure. Times are in ISO 8601 or in
// seconds since 1970.
func queryValue(pl *plan, text string) (any, error) {
	switch pl.kind {
	case kindString:
		return text, nil
	case kindBool:
		return strconv.ParseBool(text)
	case kindInt:
		return strconv.ParseInt(text, 10, pl.bits)
	case kindTime:
		if t, err := time.Parse(time.RFC3339, text); err == nil {
			return t, nil
		}
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || !(seconds > -1e11 && seconds < 1e11) {
			return nil, fmt.Errorf("%q is no time", text)
		}
		return time.UnixMilli(int64(seconds * 1000)).UTC(), nil
	}
	return nil, fmt.Errorf("BUG: no way to read a %v from a query", pl.typ)
}
