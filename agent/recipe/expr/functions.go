package expr

import (
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"slices"
	"strings"
)

func functionNames() []string {
	return []string{
		"min", "max", "round", "floor", "ceil", "abs", "lower", "upper", "replace", "trim", "join", "split",
		"len", "contains", "starts_with", "keys", "values", "lookup", "arn", "topic", "hash8",
	}
}

// signature says which kinds a function's arguments must have: q any quantity,
// s string, l list, m map, c list, map or string, v anything; + repeats the last.
func signature(name string) string {
	switch name {
	case "min", "max":
		return "q+"
	case "round", "floor", "ceil", "abs":
		return "q"
	case "lower", "upper", "trim", "topic", "hash8":
		return "s"
	case "replace":
		return "sss"
	case "join":
		return "ls"
	case "split", "starts_with", "arn":
		return "ss"
	case "len":
		return "c"
	case "contains":
		return "cv"
	case "keys", "values":
		return "m"
	case "lookup":
		return "mvv"
	}
	return ""
}

func fits(want byte, v Value) bool {
	switch want {
	case 'q':
		return v.Rat != nil
	case 's':
		return v.Kind == String
	case 'l':
		return v.Kind == List
	case 'm':
		return v.Kind == Map
	case 'c':
		return v.Kind == List || v.Kind == Map || v.Kind == String
	}
	return true
}

func (x *Expr) check(sc Scope, a []Value) error {
	sig := signature(x.name)
	if sig == "" {
		e := x.unknown(sc, x.end-x.at, "function", x.name, functionNames())
		e.Offset, e.Width, e.Missing, e.Code = x.at, len(x.name), false, "R2201"
		return e
	}
	if want, many := strings.CutSuffix(sig, "+"); many {
		if len(a) == 0 {
			return x.fault("%s needs an argument", x.name)
		}
		sig = strings.Repeat(want, len(a))
	}
	if len(a) != len(sig) {
		return x.fault("%s takes %d arguments, not %d", x.name, len(sig), len(a))
	}
	for i := range a {
		if !fits(sig[i], a[i]) {
			return x.args[i].fault("%s cannot take a %s here", x.name, a[i].Kind)
		}
	}
	return nil
}

func (x *Expr) function(sc Scope, a []Value) (Value, error) {
	if err := x.check(sc, a); err != nil {
		return Value{}, err
	}
	switch x.name {
	case "min", "max":
		return x.extreme(a)
	case "round", "floor", "ceil", "abs":
		return rounded(x.name, a[0]), nil
	case "lower":
		return Text(strings.ToLower(a[0].Str)), nil
	case "upper":
		return Text(strings.ToUpper(a[0].Str)), nil
	case "trim":
		return Text(strings.TrimSpace(a[0].Str)), nil
	case "replace":
		out := strings.ReplaceAll(a[0].Str, a[1].Str, a[2].Str)
		if len(out) > maxLength {
			return Value{}, x.fault("the result is longer than %d bytes", maxLength)
		}
		return Text(out), nil
	case "starts_with":
		return Truth(strings.HasPrefix(a[0].Str, a[1].Str)), nil
	case "hash8":
		sum := sha256.Sum256([]byte(a[0].Str))
		return Text(hex.EncodeToString(sum[:4])), nil
	case "arn", "topic":
		return x.arn(sc, a)
	}
	return x.collection(sc, a)
}

func (x *Expr) extreme(a []Value) (Value, error) {
	best := a[0]
	for i, v := range a[1:] {
		if v.Kind != best.Kind {
			return Value{}, x.args[i+1].fault("%s of a %s and a %s", x.name, best.Kind, v.Kind)
		}
		if c := v.Rat.Cmp(best.Rat); x.name == "min" && c < 0 || x.name == "max" && c > 0 {
			best = v
		}
	}
	return best, nil
}

func (x *Expr) arn(sc Scope, a []Value) (Value, error) {
	service, resource := "sns", a[0].Str
	if x.name == "arn" {
		service, resource = a[0].Str, a[1].Str
	}
	if sc.ARN == nil {
		return Value{}, x.fault("%s is not available here", x.name)
	}
	s, err := sc.ARN(service, resource)
	if err != nil {
		e := x.fault("%s", err)
		e.Missing = true
		return Value{}, e
	}
	return Text(s), nil
}

func (x *Expr) collection(sc Scope, a []Value) (Value, error) {
	switch x.name {
	case "join":
		parts := make([]string, len(a[0].List))
		for i, v := range a[0].List {
			parts[i] = v.String()
		}
		return Text(strings.Join(parts, a[1].Str)), nil
	case "split":
		out := Value{Kind: List}
		for _, s := range strings.Split(a[0].Str, a[1].Str) {
			out.List = append(out.List, Text(s))
		}
		return out, nil
	case "len":
		if a[0].Kind == String {
			return Int(int64(len([]rune(a[0].Str)))), nil
		}
		return Int(int64(len(a[0].List) + len(a[0].Keys))), nil
	case "contains":
		switch a[0].Kind {
		case String:
			return Truth(strings.Contains(a[0].Str, a[1].String())), nil
		case Map:
			return Truth(slices.Contains(a[0].Keys, a[1].String())), nil
		}
		return Truth(slices.ContainsFunc(a[0].List, func(v Value) bool { return v.Kind == a[1].Kind && v.String() == a[1].String() })), nil
	case "keys":
		out := Value{Kind: List}
		for _, k := range a[0].Keys {
			out.List = append(out.List, Text(k))
		}
		return out, nil
	case "values":
		out := Value{Kind: List}
		for _, k := range a[0].Keys {
			v, err := a[0].Get(k)
			if err != nil {
				return Value{}, x.fault("%s", err)
			}
			out.List = append(out.List, v)
		}
		return out, nil
	}
	if !slices.Contains(a[0].Keys, a[1].String()) { // lookup
		return a[2], nil
	}
	v, err := a[0].Get(a[1].String())
	if err != nil {
		return Value{}, x.fault("%s", err)
	}
	return v, nil
}

// rounded works in the base unit: seconds, bytes, percent. Halves are rounded
// away from zero.
func rounded(how string, v Value) Value {
	if how == "abs" {
		return Value{Kind: v.Kind, Rat: new(big.Rat).Abs(v.Rat)}
	}
	r := new(big.Rat).Set(v.Rat)
	if how == "round" {
		half := big.NewRat(int64(r.Sign()), 2)
		r.Add(r, half)
	}
	q, m := new(big.Int).DivMod(r.Num(), r.Denom(), new(big.Int)) // floor, as the denominator is positive
	up := how == "ceil" || how == "round" && r.Sign() < 0
	if up && m.Sign() != 0 {
		q.Add(q, big.NewInt(1))
	}
	return Value{Kind: v.Kind, Rat: new(big.Rat).SetInt(q)}
}
