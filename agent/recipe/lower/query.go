package lower

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
)

// maxQuery leaves room for the mark in the 10,000 characters of a saved query.
const maxQuery = 9500

// query resolves one saved query: CloudWatch Logs API reference,
// PutQueryDefinition.
func (l *lowerer) query(it *item) {
	body := &ir.Query{}
	it.out.Body = body
	it.protect()
	it.out.Name = l.stack.ID() + "/" + it.out.ID
	if utf8.RuneCountInString(it.out.Name) > 255 {
		l.add("R5006", it.key.Range(), "the query's name %q has more than 255 characters", it.out.Name)
	}
	if n := it.get("query"); n == nil {
		l.add("R2018", it.key.Range(), "the query %q has no query", it.key.Text).Hint = "write query: fields @timestamp, @message | limit 20"
	} else if text, ok := l.text(n, it.sc, "query"); ok {
		it.origin(n, "QueryString")
		body.QueryString = strings.TrimRight(text, " \n")
		it.checkQuery(n, body.QueryString)
	}
	if n := it.get("groups"); n != nil && l.want(n, ast.List, "groups") {
		it.origin(n, "LogGroupNames")
		for _, g := range n.Items {
			name, group, ok := it.groupRef(g)
			if !ok {
				continue
			}
			body.LogGroupNames = append(body.LogGroupNames, name)
			if group != nil {
				it.out.Needs = append(it.out.Needs, group.Key())
			}
		}
		slices.Sort(body.LogGroupNames)
	}
	it.out.Words = ir.Words{Condition: strings.Join(strings.Fields(body.QueryString), " ")}
}

func (it *item) checkQuery(n *ast.Node, text string) {
	switch check := it.l.opts.Syntax.Query; {
	case text == "":
		it.l.add("R3012", n.Range(), "the query is empty")
	case utf8.RuneCountInString(text) > maxQuery:
		it.l.add("R5034", n.Range(), "the query has more than %d characters", maxQuery)
	case check != nil:
		if err := check(text); err != nil {
			it.l.add("R3012", n.Range(), "query: %s", err)
		}
	}
}
