package deploy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sidelight-dev/sidelight/agent/iam"
)

// Template is a CloudFormation template, with intrinsic functions in their long form.
type Template struct {
	Parameters map[string]struct {
		Type    string
		Default any
	}
	Resources map[string]Resource
	// JSON is all of it.
	JSON []byte `json:"-"`
}

// Resource is one of a template's.
type Resource struct {
	Type       string
	Properties map[string]any
}

// Where the stacks of the tests are.
const (
	region    = "eu-west-1"
	account   = "111111111111"
	partition = "aws"
)

// Place is where templates are resolved for.
func Place() iam.Where {
	return iam.Where{Partition: partition, Region: region, Account: account}
}

// ParseTemplate reads a template in YAML or JSON.
func ParseTemplate(text []byte) (Template, error) {
	var t Template
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil {
		return t, fmt.Errorf("parse a template: %w", err)
	}
	v, err := long(&node)
	if err != nil {
		return t, err
	}
	if t.JSON, err = json.Marshal(v); err != nil {
		return t, err
	}
	return t, json.Unmarshal(t.JSON, &t)
}

// long returns a node's value, and !Ref x as {"Ref": x}.
func long(n *yaml.Node) (any, error) {
	var v any
	switch n.Kind {
	case yaml.DocumentNode:
		return long(n.Content[0])
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			part, err := long(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			m[n.Content[i].Value] = part
		}
		v = m
	case yaml.SequenceNode:
		list := []any{}
		for _, c := range n.Content {
			part, err := long(c)
			if err != nil {
				return nil, err
			}
			list = append(list, part)
		}
		v = list
	default:
		v = n.Value
		if !own(n.Tag) {
			if err := n.Decode(&v); err != nil {
				return nil, err
			}
		}
	}
	if !own(n.Tag) {
		return v, nil
	}
	name := strings.TrimPrefix(n.Tag, "!")
	if name == "GetAtt" {
		of, attribute, _ := strings.Cut(n.Value, ".")
		v = []any{of, attribute}
	}
	if name != "Ref" {
		name = "Fn::" + name
	}
	return map[string]any{name: v}, nil
}

// own reports whether a tag is CloudFormation's, not YAML's.
func own(tag string) bool { return strings.HasPrefix(tag, "!") && !strings.HasPrefix(tag, "!!") }

// ref returns what a name stands for: a parameter's default, or what says that it is
// known only when the stack is made.
func (t Template) ref(name string) any {
	switch name {
	case "AWS::Region":
		return region
	case "AWS::AccountId":
		return account
	case "AWS::Partition":
		return partition
	}
	if p, ok := t.Parameters[name]; ok && p.Default != nil {
		return p.Default
	}
	return "${" + name + "}"
}

// Resolve returns a value with its intrinsic functions worked out.
func (t Template) Resolve(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, part := range v {
			out[i] = t.Resolve(part)
		}
		return out
	case map[string]any:
		if len(v) == 1 {
			for name, arg := range v {
				if r, ok := t.intrinsic(name, arg); ok {
					return r
				}
			}
		}
		out := map[string]any{}
		for name, part := range v {
			out[name] = t.Resolve(part)
		}
		return out
	}
	return v
}

func (t Template) intrinsic(name string, arg any) (any, bool) {
	switch name {
	case "Ref":
		return t.ref(fmt.Sprint(arg)), true
	case "Fn::GetAtt":
		return fmt.Sprintf("${%v}", arg), true
	case "Fn::Join":
		if parts, ok := arg.([]any); ok && len(parts) == 2 {
			var words []string
			list, _ := t.Resolve(parts[1]).([]any)
			for _, p := range list {
				words = append(words, fmt.Sprint(p))
			}
			return strings.Join(words, fmt.Sprint(parts[0])), true
		}
	case "Fn::Sub":
		var b strings.Builder
		for rest := fmt.Sprint(arg); ; {
			before, after, ok := strings.Cut(rest, "${")
			b.WriteString(before)
			if !ok {
				return b.String(), true
			}
			of, tail, _ := strings.Cut(after, "}")
			fmt.Fprint(&b, t.ref(of))
			rest = tail
		}
	}
	return nil, false
}

// Of returns the names of the resources of a type, in order.
func (t Template) Of(kind string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(t.Resources)), func(name string) bool { return t.Resources[name].Type != kind })
}

// into puts a resolved value where its members are.
func (t Template) into(v, target any) error {
	text, err := json.Marshal(t.Resolve(v))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, target)
}

// Tasks returns the task definitions, also of managed daemons, by name.
func (t Template) Tasks() (map[string]Task, error) {
	out := map[string]Task{}
	for _, kind := range []string{"AWS::ECS::TaskDefinition", "AWS::ECS::DaemonTaskDefinition"} {
		for _, name := range t.Of(kind) {
			var task Task
			if err := t.into(t.Resources[name].Properties, &task); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			out[name] = task
		}
	}
	return out, nil
}

// Policies returns the policies that roles have of their own, by name.
func (t Template) Policies() (map[string]iam.Policy, error) {
	out := map[string]iam.Policy{}
	for _, kind := range []string{"AWS::IAM::Role", "AWS::IAM::Policy"} {
		for _, name := range t.Of(kind) {
			var r struct {
				PolicyName     string
				PolicyDocument document
				Policies       []struct {
					PolicyName     string
					PolicyDocument document
				}
			}
			if err := t.into(t.Resources[name].Properties, &r); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if kind == "AWS::IAM::Policy" {
				out[name] = r.PolicyDocument.policy()
			}
			for _, p := range r.Policies {
				out[name+" "+p.PolicyName] = p.PolicyDocument.policy()
			}
		}
	}
	return out, nil
}

// document is a policy as others write it: of one thing they make no list.
type document struct {
	Version   string
	Statement []struct {
		iam.Statement
		Action, Resource words
	}
}

type words []string

// UnmarshalJSON takes one word for a list of one.
func (w *words) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		*w = words{""}
		return json.Unmarshal(text, &(*w)[0])
	}
	return json.Unmarshal(text, (*[]string)(w))
}

func (d document) policy() iam.Policy {
	p := iam.Policy{Version: d.Version}
	for _, s := range d.Statement {
		s.Statement.Action, s.Statement.Resource = s.Action, s.Resource
		p.Statement = append(p.Statement, s.Statement)
	}
	return p
}
