package norm

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
)

// The ownership tags.
const (
	TagRecipe = "sidelight:recipe"
	TagEnv    = "sidelight:env"
	TagID     = "sidelight:id"
	TagHash   = "sidelight:hash"
	TagFields = "sidelight:fields"
	TagRev    = "sidelight:rev"
	TagVia    = "sidelight:via"
	// TagRemove is "delete" on what holds data and shall go all the same once the
	// stack no longer wants it.
	TagRemove = "sidelight:on-remove"
)

// removeDelete is the value of TagRemove.
const removeDelete = "delete"

// Direct is the value of the via tag of what this program writes itself.
const Direct = "direct"

const (
	// fieldChars is how many base64url characters (6 bits each) stand for a
	// field's value in the fields tag.
	fieldChars = 3
	// keyChars is the same for the key of a user's tag. 42 keys fit into the
	// 256 characters of a tag's value.
	keyChars = 4
)

// Mark is what the ownership tags of a resource say.
type Mark struct {
	Recipe string
	Env    string
	ID     string
	// Hash is that of the normal form that was applied last.
	Hash string
	// Fields holds the short hash of each field of that form, then a dot and
	// the short hashes of the keys of the user's tags.
	Fields string
	Rev    int64
	Via    string
	// Delete lets a resource that holds data be deleted.
	Delete bool
}

// MarkOf returns the mark of a resource whose normal form is f.
func MarkOf(s *ir.Stack, r *ir.Resource, f Form) Mark {
	m := Mark{Recipe: s.Recipe, Env: s.Env, ID: r.ID, Via: Direct}
	if r.Kind().Marking() == ir.Named {
		return m
	}
	m.Hash, m.Fields, m.Rev = f.Hash(r.Kind()), fieldsTag(r.Kind(), f, r.Tags), s.Rev
	m.Delete = r.Kind().HoldsData() && !r.Retain
	return m
}

func fieldsTag(k ir.Kind, f Form, tags map[string]string) string {
	var b strings.Builder
	for _, name := range Fields(k) {
		b.WriteString(short(name+"="+f.Field(name), fieldChars))
	}
	if len(tags) > 0 {
		b.WriteByte('.')
		keys := make([]string, 0, len(tags))
		for k := range tags {
			keys = append(keys, short(k, keyChars))
		}
		slices.Sort(keys)
		b.WriteString(strings.Join(keys, ""))
	}
	return b.String()
}

// Tags returns the mark as tags.
func (m Mark) Tags() map[string]string {
	tags := map[string]string{TagRecipe: m.Recipe, TagEnv: m.Env, TagID: m.ID, TagVia: m.Via}
	if m.Hash != "" {
		tags[TagHash], tags[TagFields], tags[TagRev] = m.Hash, m.Fields, strconv.FormatInt(m.Rev, 10)
	}
	if m.Delete {
		tags[TagRemove] = removeDelete
	}
	return tags
}

// OwnTags are the keys of the tags that mark an owner, among those of a resource.
func OwnTags(tags map[string]string) []string {
	var keys []string
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		if strings.HasPrefix(k, "sidelight:") {
			keys = append(keys, k)
		}
	}
	return keys
}

// ReadMark reads the mark of a resource from its tags. It reports false if the
// resource does not say which recipe it belongs to.
func ReadMark(tags map[string]string) (Mark, bool) {
	rev, err := strconv.ParseInt(tags[TagRev], 10, 64)
	if err != nil {
		rev = 0
	}
	m := Mark{
		Recipe: tags[TagRecipe], Env: tags[TagEnv], ID: tags[TagID], Hash: tags[TagHash], Fields: tags[TagFields], Rev: rev, Via: tags[TagVia],
		Delete: tags[TagRemove] == removeDelete,
	}
	return m, m.Recipe != ""
}

// Owned reports whether the mark is that of a resource of the stack.
func (m Mark) Owned(s *ir.Stack) bool { return m.Recipe == s.Recipe && m.Env == s.Env }

// Known reports whether the hash is of this program's normal form.
func (m Mark) Known() bool { return strings.HasPrefix(m.Hash, Version+"-") }

// Changed reports whether a field of the live form of a kind differs from what
// was applied last. It reports false if the mark cannot tell.
func (m Mark) Changed(k ir.Kind, live Form, field string) bool {
	hashes, _, _ := strings.Cut(m.Fields, ".")
	names := Fields(k)
	i := slices.Index(names, field)
	if !m.Known() || i < 0 || len(hashes) != fieldChars*len(names) {
		return false
	}
	return hashes[i*fieldChars:(i+1)*fieldChars] != short(field+"="+live.Field(field), fieldChars)
}

// UserTags returns which of a resource's tags the stack has set: those that the
// mark names and those that are wanted now. The others are left alone.
func (m Mark) UserTags(live, desired map[string]string) (applied, ours map[string]string) {
	_, keys, _ := strings.Cut(m.Fields, ".")
	applied, ours = map[string]string{}, map[string]string{}
	for k, v := range live {
		if reserved(k) {
			continue
		}
		named := false
		for at := 0; at+keyChars <= len(keys); at += keyChars {
			named = named || keys[at:at+keyChars] == short(k, keyChars)
		}
		if named {
			applied[k] = v
		}
		if _, want := desired[k]; named || want {
			ours[k] = v
		}
	}
	return applied, ours
}

func reserved(key string) bool {
	return strings.HasPrefix(key, "sidelight:") || strings.HasPrefix(key, "aws:")
}

// Foreign returns which other tool manages a resource by its tags, or "".
func Foreign(tags map[string]string) string {
	for k := range tags {
		if strings.HasPrefix(k, "aws:cloudformation:") {
			return "CloudFormation"
		}
	}
	if via := tags[TagVia]; via != "" && via != Direct {
		return via
	}
	return ""
}
