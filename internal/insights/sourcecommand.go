package insights

import (
	"fmt"
	"strings"
)

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
		name, err := c.groupName()
		if err != nil {
			return err
		}
		c.groups.Names = append(c.groups.Names, name)
		if !c.take(",") {
			return c.checkCount("log groups", len(c.groups.Names), maxSources)
		}
	}
}

// groupName reads the name of a log group: in quotes or, as the guide's examples
// of appendcols have it, bare.
func (c *compiler) groupName() (string, error) {
	if c.peek(`'`) || c.peek(`"`) {
		return c.str()
	}
	start := c.i
	for !c.end() && (isDigit(c.text[c.i]) || isLetter(c.text[c.i]) || strings.IndexByte("_-/.", c.text[c.i]) >= 0) {
		c.i++
	}
	if c.i == start {
		return "", c.expected("the name of a log group or logGroups(…)")
	}
	return c.text[start:c.i], nil
}

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

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

// noteStandard notes commands that only groups of the Standard class have (user
// guide, "Logs Insights QL query syntax").
func (c *compiler) noteStandard(command string) {
	switch command {
	case "pattern", "diff", "filterindex", "anomaly", "logcompare":
		c.standardOnly("%s is", command)
	}
}

// standardOnly notes that the command at hand needs groups of the Standard
// class.
func (c *compiler) standardOnly(format string, args ...any) {
	if c.standard == nil {
		what := fmt.Sprintf(format, args...)
		c.standard = newSyntaxError(c.text, c.commandStart, c.commandEnd, "%s not supported for log groups of the Infrequent Access class", what)
	}
}

// CheckInfrequent returns a *SyntaxError if the query has something that cannot
// be asked of log groups of the Infrequent Access class.
func (q *Query) CheckInfrequent() error {
	if q.plan.standard != nil {
		return q.plan.standard
	}
	return nil
}
