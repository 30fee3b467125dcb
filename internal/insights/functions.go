package insights

import "math"

// function is a function as the parser knows it. Most have eval; those that
// need to see their arguments before a row does have build.
type function struct {
	least, most int // arguments; most < 0: any number
	eval        func(e *env, args []expr) value
	build       func(c *compiler, n *node) (expr, error)
}

// functionTable returns the functions by their names in lower case.
func functionTable() map[string]function {
	table := map[string]function{}
	for _, part := range []map[string]function{
		numberFunctions(), generalFunctions(), textFunctions(), codingFunctions(), jsonFunctions(), addressFunctions(), timeFunctions(), dateFunctions(),
	} {
		for name, f := range part {
			table[name] = f
		}
	}
	return table
}

// ofNumber makes a function of one number.
func ofNumber(f func(float64) float64) function {
	return function{1, 1, func(e *env, args []expr) value {
		n, ok := args[0](e).number()
		if !ok {
			return value{}
		}
		return numberValue(f(n))
	}, nil}
}

func numberFunctions() map[string]function {
	identity := ofNumber(func(n float64) float64 { return n })
	truncate := ofNumber(math.Trunc)
	return map[string]function{
		"abs":       ofNumber(math.Abs),
		"ceil":      ofNumber(math.Ceil),
		"floor":     ofNumber(math.Floor),
		"sqrt":      ofNumber(math.Sqrt),
		"log":       ofNumber(math.Log),
		"tonumber":  identity,
		"todouble":  identity,
		"toint":     truncate,
		"tolong":    truncate,
		"round":     {1, 2, round, nil},
		"greatest":  {1, -1, func(e *env, args []expr) value { return pick(e, args, 1) }, nil},
		"least":     {1, -1, func(e *env, args []expr) value { return pick(e, args, -1) }, nil},
		"haversine": {4, 4, haversine, nil},
	}
}

// round rounds half away from zero, to a number of decimals.
func round(e *env, args []expr) value {
	n, ok := args[0](e).number()
	if !ok {
		return value{}
	}
	if len(args) == 1 {
		return numberValue(math.Round(n))
	}
	decimals, ok := args[1](e).number()
	if !ok || math.Abs(decimals) > exactDigits {
		return value{}
	}
	scale := math.Pow(10, math.Trunc(decimals))
	return numberValue(math.Round(n*scale) / scale)
}

// pick returns the greatest or the least number. Arguments that are none do
// not take part.
func pick(e *env, args []expr, sign float64) value {
	var best value
	for _, arg := range args {
		n, ok := arg(e).number()
		if ok && (best.kind == missing || (n-best.num)*sign > 0) {
			best = numberValue(n)
		}
	}
	return best
}

// earthRadius is the mean radius in kilometres.
const earthRadius = 6371.0088

// haversine returns the distance in kilometres between two points given as
// latitude, longitude, latitude, longitude in degrees.
func haversine(e *env, args []expr) value {
	var at [4]float64
	for i, arg := range args {
		n, ok := arg(e).number()
		if !ok {
			return value{}
		}
		at[i] = n * math.Pi / 180
	}
	lat, lon := math.Sin((at[2]-at[0])/2), math.Sin((at[3]-at[1])/2)
	h := lat*lat + math.Cos(at[0])*math.Cos(at[2])*lon*lon
	return numberValue(2 * earthRadius * math.Asin(math.Sqrt(min(1, h))))
}

func generalFunctions() map[string]function {
	return map[string]function{
		"ispresent":      {1, 1, func(e *env, args []expr) value { return boolValue(args[0](e).kind != missing) }, nil},
		"isnumeric":      {1, 1, isNumeric, nil},
		"coalesce":       {1, -1, coalesce, nil},
		"if":             {3, 3, nil, buildCase},
		"case":           {2, 21, nil, buildCase},
		"messagesize":    {0, 1, messageSize, nil},
		"unmask":         {1, 1, func(e *env, args []expr) value { return args[0](e) }, nil},
		"querystarttime": {0, 0, func(e *env, _ []expr) value { return numberValue(float64(e.opt.Start)) }, nil},
		"queryendtime":   {0, 0, func(e *env, _ []expr) value { return numberValue(float64(e.opt.End)) }, nil},
		"querytimerange": {0, 0, func(e *env, _ []expr) value { return numberValue(float64(e.opt.End - e.opt.Start)) }, nil},
	}
}

func isNumeric(e *env, args []expr) value {
	_, ok := args[0](e).number()
	return boolValue(ok)
}

func coalesce(e *env, args []expr) value {
	for _, arg := range args {
		if v := arg(e); v.kind != missing {
			return v
		}
	}
	return value{}
}

// buildCase compiles case(c1, v1, …[, default]) and if(c, a, b), which is the
// same.
func buildCase(c *compiler, n *node) (expr, error) {
	var tests []cond
	var values []expr
	for i, arg := range n.args {
		if i%2 == 0 && i+1 < len(n.args) {
			test, err := c.cond(arg)
			if err != nil {
				return nil, err
			}
			tests = append(tests, test)
			continue
		}
		x, err := c.expr(arg)
		if err != nil {
			return nil, err
		}
		values = append(values, x)
	}
	return func(e *env) value {
		for i, test := range tests {
			if test(e) {
				return values[i](e)
			}
		}
		if len(values) > len(tests) {
			return values[len(values)-1](e)
		}
		return value{}
	}, nil
}

// messageSize returns the bytes of the message, or of its argument.
func messageSize(e *env, args []expr) value {
	if len(args) == 0 {
		if e.row == nil {
			return value{}
		}
		return numberValue(float64(len(e.row.Message)))
	}
	b, ok := e.text(args[0](e))
	if !ok {
		return value{}
	}
	return numberValue(float64(len(b)))
}
