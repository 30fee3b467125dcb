package insights

import "time"

func dateFunctions() map[string]function {
	format := function{2, 3, nil, buildFormatDate}
	return map[string]function{
		"parsedate":  {2, 3, nil, buildParseDate},
		"formatdate": format,
		"strftime":   format,
	}
}

// dateArguments compiles the pattern and the zone, which must be constants.
func (c *compiler) dateArguments(n *node) (dateFormat, *time.Location, error) {
	arg := n.args[1]
	if arg.op != opString {
		return nil, nil, c.errorAt(arg.start, arg.end, "expected a pattern such as \"yyyy-MM-dd HH:mm:ss\"")
	}
	f, err := parseDateFormat(arg.name)
	if err != nil {
		return nil, nil, c.errorAt(arg.start, arg.end, "expected a pattern of time: %v", err)
	}
	if len(n.args) < 3 {
		return f, time.UTC, nil
	}
	arg = n.args[2]
	if t, err := time.Parse("-07:00", arg.name); arg.op == opString && err == nil {
		return f, t.Location(), nil
	}
	zone, err := time.LoadLocation(arg.name)
	if arg.op != opString || err != nil || arg.name == "Local" {
		return nil, nil, c.errorAt(arg.start, arg.end, "expected a time zone such as \"Europe/Berlin\" or \"+02:00\"")
	}
	return f, zone, nil
}

// buildParseDate compiles parseDate, which yields Unix milliseconds.
func buildParseDate(c *compiler, n *node) (expr, error) {
	x, err := c.expr(n.args[0])
	if err != nil {
		return nil, err
	}
	f, zone, err := c.dateArguments(n)
	if err != nil {
		return nil, err
	}
	return func(e *env) value {
		b, ok := e.text(x(e))
		if !ok {
			return value{}
		}
		t, ok := f.parse(string(b), zone)
		if !ok {
			return value{}
		}
		return numberValue(float64(t.UnixMilli()))
	}, nil
}

func buildFormatDate(c *compiler, n *node) (expr, error) {
	x, err := c.expr(n.args[0])
	if err != nil {
		return nil, err
	}
	f, zone, err := c.dateArguments(n)
	if err != nil {
		return nil, err
	}
	return func(e *env) value {
		v := instantOf(x(e))
		if v.kind == missing {
			return value{}
		}
		start := len(e.arena)
		e.arena = f.appendTo(e.arena, time.UnixMilli(int64(v.num)).In(zone))
		return textValue(e.since(start))
	}, nil
}
