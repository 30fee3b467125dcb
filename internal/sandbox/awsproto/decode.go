package awsproto

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
)

// decoder moves what a reader reads into Go values. It allocates the pointees
// of scalar members in slabs, as a batch of log events has twenty thousand.
type decoder struct {
	r       reader
	plans   *plans
	strings slab[string]
	ints    slab[int64]
}

// slabSize is how many scalars one allocation holds: enough to make it cheap,
// few enough that one kept scalar does not keep much memory.
const slabSize = 64

type slab[T any] struct{ free []T }

func (s *slab[T]) take(v T) *T {
	if len(s.free) == 0 {
		s.free = make([]T, slabSize)
	}
	p := &s.free[0]
	s.free = s.free[1:]
	*p = v
	return p
}

// decodeInto fills in, a pointer to a structure, from one document.
func decodeInto(r reader, p *plans, in any) error {
	v := reflect.ValueOf(in).Elem()
	pl, err := p.of(v.Type())
	if err != nil {
		return err
	}
	k, err := r.peek()
	if err != nil || k == valueNone {
		return err // an empty body is a structure without members
	}
	d := decoder{r: r, plans: p}
	if err := d.structure(pl, v); err != nil {
		return err
	}
	return r.end()
}

func (d *decoder) structure(pl *plan, v reflect.Value) error {
	if err := d.r.enterMap(); err != nil {
		return err
	}
	for {
		key, ok, err := d.r.nextKey()
		if err != nil || !ok {
			return err
		}
		f := pl.byName[string(key)]
		if f == nil {
			if err := d.r.skip(); err != nil {
				return err
			}
			continue
		}
		if err := d.member(f, v.Field(f.index)); err != nil {
			return at(f.name, err)
		}
	}
}

// member reads a member. A null is a member that is not there.
func (d *decoder) member(f *field, v reflect.Value) error {
	k, err := d.r.peek()
	if err != nil {
		return err
	}
	if k == valueNull {
		return d.r.null()
	}
	return d.value(f.plan, f.ptr, v)
}

// value reads a value that is not null into v, which is a pointer if ptr.
func (d *decoder) value(pl *plan, ptr bool, v reflect.Value) error {
	if !ptr {
		return d.bare(pl, v)
	}
	// The two commonest members, without reflection's allocations.
	switch p := v.Addr().Interface().(type) {
	case **string:
		s, err := d.r.text()
		*p = d.strings.take(s)
		return err
	case **int64:
		n, err := d.r.integer()
		*p = d.ints.take(n)
		return err
	}
	e := reflect.New(pl.typ)
	if err := d.bare(pl, e.Elem()); err != nil {
		return err
	}
	v.Set(e)
	return nil
}

func (d *decoder) bare(pl *plan, v reflect.Value) error {
	switch pl.kind {
	case kindString:
		s, err := d.r.text()
		v.SetString(s)
		return err
	case kindBool:
		b, err := d.r.boolean()
		v.SetBool(b)
		return err
	case kindInt:
		n, err := d.r.integer()
		if err == nil && v.OverflowInt(n) {
			return errors.New("number is out of the range of an integer")
		}
		v.SetInt(n)
		return err
	case kindFloat:
		f, err := d.r.float()
		v.SetFloat(f)
		return err
	case kindTime:
		t, err := d.r.time()
		*v.Addr().Interface().(*time.Time) = t
		return err
	case kindBlob:
		b, err := d.r.blob()
		v.SetBytes(b)
		return err
	case kindList:
		return d.list(pl, v)
	case kindMap:
		return d.dictionary(pl, v)
	case kindStruct:
		return d.structure(pl, v)
	case kindUnion:
		return d.union(pl, v)
	}
	return fmt.Errorf("BUG: no way to read a %v", pl.typ)
}

func (d *decoder) list(pl *plan, v reflect.Value) error {
	if err := d.r.enterList(); err != nil {
		return err
	}
	out := reflect.MakeSlice(pl.typ, 0, 4)
	tmp := reflect.New(pl.typ).Elem()
	tmp.Set(out)
	for i := 0; ; i++ {
		ok, err := d.r.moreList()
		if err != nil {
			return err
		}
		if !ok {
			v.Set(tmp)
			return nil
		}
		tmp.Grow(1)
		tmp.SetLen(i + 1)
		if err := d.element(pl, tmp.Index(i)); err != nil {
			return at("["+strconv.Itoa(i)+"]", err)
		}
	}
}

// element reads an element of a list, which null is not.
func (d *decoder) element(pl *plan, v reflect.Value) error {
	k, err := d.r.peek()
	if err != nil {
		return err
	}
	if k == valueNull {
		return errors.New("null is not an element of a list")
	}
	return d.value(pl.elem, pl.ptr, v)
}

func (d *decoder) dictionary(pl *plan, v reflect.Value) error {
	if err := d.r.enterMap(); err != nil {
		return err
	}
	out := reflect.MakeMap(pl.typ)
	for {
		key, ok, err := d.r.nextKey()
		if err != nil {
			return err
		}
		if !ok {
			v.Set(out)
			return nil
		}
		name := string(key)
		k, err := d.r.peek()
		if err != nil {
			return err
		}
		if k == valueNull {
			if err := d.r.null(); err != nil {
				return err
			}
			continue
		}
		e := reflect.New(pl.typ.Elem()).Elem()
		if err := d.value(pl.elem, pl.ptr, e); err != nil {
			return at(name, err)
		}
		out.SetMapIndex(reflect.ValueOf(name).Convert(pl.typ.Key()), e)
	}
}

// union reads a structure of which exactly one member is set.
func (d *decoder) union(pl *plan, v reflect.Value) error {
	if err := d.r.enterMap(); err != nil {
		return err
	}
	set := false
	for {
		key, ok, err := d.r.nextKey()
		if err != nil {
			return err
		}
		if !ok {
			if !set {
				return errors.New("union has no known member")
			}
			return nil
		}
		name := string(key)
		k, err := d.r.peek()
		if err != nil {
			return err
		}
		member, known := pl.union[name]
		if !known || k == valueNull {
			if err := d.r.skip(); err != nil {
				return err
			}
			continue
		}
		if set {
			return errors.New("union has more than one member")
		}
		set = true
		if err := d.unionMember(member, v); err != nil {
			return at(name, err)
		}
	}
}

func (d *decoder) unionMember(member reflect.Type, v reflect.Value) error {
	e := reflect.New(member)
	pl, err := d.plans.of(member)
	if err != nil {
		return err
	}
	f := &pl.fields[0] // Value, the only exported field
	if err := d.value(f.plan, f.ptr, e.Elem().Field(f.index)); err != nil {
		return err
	}
	v.Set(e)
	return nil
}

// finite says whether f is a number that JSON has a form for.
func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }
