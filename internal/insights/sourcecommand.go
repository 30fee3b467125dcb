package insights

import "strings"

// GroupSelection is what a SOURCE command asks for. A group is selected if it
// has one of the Names, or if Names is empty and it satisfies every list that
// is not empty.
type GroupSelection struct {
	Names    []string // names or ARNs of log groups
	Prefixes []string // prefixes of names
	Accounts []string // account IDs
	Classes  []string // log classes, STANDARD or INFREQUENT_ACCESS
}

// Groups returns the selection of the query's SOURCE command, nil if it has
// none. The caller resolves it; Run does not look at it.
func (q *Query) Groups() *GroupSelection { return q.plan.groups }

// Limits on SOURCE (user guide, "SOURCE").
const (
	maxPrefixes = 5
	maxAccounts = 20
	maxSources  = 50
)

// sourceCommand reads SOURCE logGroups(…) or SOURCE 'group', 'group'.
func (c *compiler) sourceCommand() error {
	if c.commandCount > 1 {
		return c.refuse("SOURCE must be the first command")
	}
	c.groups = &GroupSelection{}
	switch {
	case c.takeWord("loggroups"):
		return c.sourceGroups()
	case c.takeWord("datasource"):
		return c.refuse("SOURCE dataSource is not supported")
	}
	for {
		if !c.peek(`'`) && !c.peek(`"`) {
			return c.expected("the name of a log group in quotes or logGroups(…)")
		}
		name, err := c.str()
		if err != nil {
			return err
		}
		c.groups.Names = append(c.groups.Names, name)
		if !c.take(",") {
			return c.checkCount("log groups", len(c.groups.Names), maxSources)
		}
	}
}

func (c *compiler) checkCount(what string, n, most int) error {
	if n > most {
		return c.refuse("expected at most %d %s in SOURCE, found %d", most, what, n)
	}
	return nil
}

// sourceGroups reads (namePrefix: […], accountIdentifiers: […], class: […]).
func (c *compiler) sourceGroups() error {
	if !c.take("(") {
		return c.expected("(")
	}
	if c.take(")") {
		return nil
	}
	for {
		if err := c.sourceOption(); err != nil {
			return err
		}
		if c.take(")") {
			return nil
		}
		if !c.take(",") {
			return c.expected(", or )")
		}
	}
}

func (c *compiler) sourceOption() error {
	c.space()
	start := c.i
	word := c.word()
	c.i += len(word)
	g := c.groups
	var list *[]string
	most := maxPrefixes
	switch strings.ToLower(word) {
	case "nameprefix":
		list = &g.Prefixes
	case "accountidentifiers":
		list, most = &g.Accounts, maxAccounts
	case "class":
		list = &g.Classes
	default:
		return c.errorAt(start, c.i, "expected namePrefix, accountIdentifiers or class, found %q", word)
	}
	if !c.take(":") || !c.take("[") {
		return c.expected(": and a list in square brackets")
	}
	items, err := c.list("]")
	if err != nil {
		return err
	}
	for _, item := range items {
		if item.op != opString {
			return c.errorAt(item.start, item.end, "expected text in quotes")
		}
		*list = append(*list, item.name)
	}
	return c.checkCount(word+" values", len(*list), most)
}
