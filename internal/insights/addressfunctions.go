package insights

import "net/netip"

func addressFunctions() map[string]function {
	is := func(test func(netip.Addr) bool) function {
		return function{1, 1, func(e *env, args []expr) value {
			a, ok := e.address(args[0](e))
			return boolValue(ok && test(a))
		}, nil}
	}
	within := func(family func(netip.Addr) bool) function {
		return function{2, 2, nil, func(c *compiler, n *node) (expr, error) { return buildSubnet(c, n, family) }}
	}
	either := func(netip.Addr) bool { return true }
	return map[string]function{
		"isvalidip":      is(either),
		"isvalidipv4":    is(netip.Addr.Is4),
		"isvalidipv6":    is(netip.Addr.Is6),
		"isprivateip":    is(netip.Addr.IsPrivate),
		"ispublicip":     is(isPublic),
		"isreservedip":   is(isReserved),
		"isipinsubnet":   within(either),
		"isipv4insubnet": within(netip.Addr.Is4),
		"isipv6insubnet": within(netip.Addr.Is6),
		"ipv4tonumber":   {1, 1, ipv4ToNumber, nil},
	}
}

func (e *env) address(v value) (netip.Addr, bool) {
	b, ok := e.text(v)
	if !ok {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(string(b))
	return a, err == nil
}

// buildSubnet compiles isIpInSubnet and its relatives. A subnet that is a
// constant is checked at once.
func buildSubnet(c *compiler, n *node, family func(netip.Addr) bool) (expr, error) {
	args, err := c.exprs(n.args)
	if err != nil {
		return nil, err
	}
	subnet := func(e *env) (netip.Prefix, bool) {
		b, _ := e.text(args[1](e))
		p, err := netip.ParsePrefix(string(b))
		return p, err == nil
	}
	if arg := n.args[1]; arg.op == opString {
		p, err := netip.ParsePrefix(arg.name)
		if err != nil {
			return nil, c.errorAt(arg.start, arg.end, "expected a subnet such as 10.0.0.0/8")
		}
		subnet = func(*env) (netip.Prefix, bool) { return p, true }
	}
	return func(e *env) value {
		a, ok := e.address(args[0](e))
		if !ok || !family(a) {
			return boolValue(false)
		}
		p, ok := subnet(e)
		return boolValue(ok && p.Contains(a))
	}, nil
}

// reserved are the blocks of the IANA special-purpose registries that are
// neither private nor usable on the Internet.
var reserved = [...]netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("224.0.0.0/4"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("::/127"),
	netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("fe80::/10"),
	netip.MustParsePrefix("ff00::/8"),
}

func isReserved(a netip.Addr) bool {
	for _, p := range reserved {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func isPublic(a netip.Addr) bool { return !a.IsPrivate() && !isReserved(a) }

func ipv4ToNumber(e *env, args []expr) value {
	a, ok := e.address(args[0](e))
	if !ok || !a.Is4() {
		return value{}
	}
	b := a.As4()
	return numberValue(float64(uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])))
}
