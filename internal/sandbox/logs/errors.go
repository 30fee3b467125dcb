package logs

import (
	"fmt"
	"regexp"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

func invalid(format string, args ...any) *api.Error {
	return api.Errorf("InvalidParameterException", format, args...)
}

func notFound(what string) *api.Error {
	return api.Errorf("ResourceNotFoundException", "The specified %s does not exist.", what)
}

func exists(what string) *api.Error {
	return api.Errorf("ResourceAlreadyExistsException", "The specified %s already exists", what)
}

// constraint is how the service words the violation of a limit of its model.
func constraint(value any, member, must string) *api.Error {
	return invalid("1 validation error detected: Value '%v' at '%s' failed to satisfy constraint: Member must %s", value, member, must)
}

// missing is how the service words the absence of a required member.
func missing(member string) *api.Error {
	return invalid("1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", member)
}

// textRule is a limit on a text member: its length in characters and what it
// may consist of.
type textRule struct {
	member   string
	min, max int
	pattern  *regexp.Regexp
}

func (r *textRule) check(v *string) *api.Error {
	if v == nil {
		return missing(r.member)
	}
	return r.checkOptional(v)
}

func (r *textRule) checkOptional(v *string) *api.Error {
	if v == nil {
		return nil
	}
	n := utf8.RuneCountInString(*v)
	switch {
	case n < r.min:
		return constraint(*v, r.member, fmt.Sprintf("have length greater than or equal to %d", r.min))
	case n > r.max:
		return constraint(abbreviate(*v), r.member, fmt.Sprintf("have length less than or equal to %d", r.max))
	case r.pattern != nil && !r.pattern.MatchString(*v):
		return constraint(*v, r.member, "satisfy regular expression pattern: "+r.pattern.String())
	}
	return nil
}

func abbreviate(s string) string {
	if r := []rune(s); len(r) > 64 {
		return string(r[:64]) + "…"
	}
	return s
}

// groupNameRule and the others are functions, as limits are not to be changed.
func groupNameRule() *textRule {
	return &textRule{"logGroupName", 1, 512, regexp.MustCompile(`^[\.\-_/#A-Za-z0-9]+$`)}
}

func groupPrefixRule(member string) *textRule {
	return &textRule{member, 1, 512, regexp.MustCompile(`^[\.\-_/#A-Za-z0-9]+$`)}
}

func streamNameRule(member string) *textRule {
	return &textRule{member, 1, 512, regexp.MustCompile(`^[^:*]*$`)}
}

func filterNameRule(member string) *textRule {
	return &textRule{member, 1, 512, regexp.MustCompile(`^[^:*]*$`)}
}

func filterPatternRule(member string) *textRule { return &textRule{member, 0, 1024, nil} }

// limitOf returns a page size: def if none is asked for.
func limitOf(member string, v *int32, def, maximum int) (int, error) {
	if v == nil {
		return def, nil
	}
	switch {
	case *v < 1:
		return 0, constraint(*v, member, "have value greater than or equal to 1")
	case int(*v) > maximum:
		return 0, constraint(*v, member, fmt.Sprintf("have value less than or equal to %d", maximum))
	}
	return int(*v), nil
}

// firstError returns the first error that is one, as an error.
func firstError(errs ...*api.Error) error {
	for _, e := range errs {
		if e != nil {
			return e
		}
	}
	return nil
}

// text is *p, or nothing.
func text(p *string) string { return aws.ToString(p) }
