package insights

import (
	"bytes"
	"encoding/json"

	"github.com/sidelight-dev/sidelight/internal/jsonscan"
)

func jsonFunctions() map[string]function {
	return map[string]function{
		"jsonparse":         {1, 1, jsonParse, nil},
		"jsonstringify":     {1, 1, jsonStringify, nil},
		"jsonarraysize":     {1, 1, jsonArraySize, nil},
		"jsonarraycontains": {2, 2, jsonArrayContains, nil},
		"split":             ofText(2, split),
	}
}

// jsonParse makes a structure of text. JSON scalars become values; anything
// else is missing.
func jsonParse(e *env, args []expr) value {
	v := args[0](e)
	if v.kind == structure {
		return v
	}
	b, ok := e.text(v)
	if !ok {
		return value{}
	}
	return e.jsonValue(jsonscan.Document(b))
}

// jsonStringify is the text of a structure as it stands in the event, and any
// other value as JSON.
func jsonStringify(e *env, args []expr) value {
	v := args[0](e)
	switch v.kind {
	case missing:
		return value{}
	case structure:
		return textValue(v.b)
	case text, instant:
		b, _ := e.text(v)
		return textValue(quoted(b))
	case boolean:
		if v.num != 0 {
			return textValue([]byte("true"))
		}
		return textValue([]byte("false"))
	}
	b, _ := e.text(v)
	return textValue(b)
}

func quoted(b []byte) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(string(b)); err != nil {
		return nil // a string always encodes
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// array returns the JSON list that v is or spells.
func (e *env) array(v value) jsonscan.Value {
	b := v.b
	if v.kind != structure {
		b, _ = e.text(v)
	}
	doc := jsonscan.Document(b)
	if doc.Kind != jsonscan.Array {
		return jsonscan.Value{}
	}
	return doc
}

func jsonArraySize(e *env, args []expr) value {
	list := e.array(args[0](e))
	if list.Kind == jsonscan.Missing {
		return value{}
	}
	n := 0
	for scan := list.Scan(); scan.Next(); {
		n++
	}
	return numberValue(float64(n))
}

func jsonArrayContains(e *env, args []expr) value {
	list, want := e.array(args[0](e)), args[1](e)
	for scan := list.Scan(); scan.Next(); {
		if equal(e.jsonValue(scan.Value), want) {
			return boolValue(true)
		}
	}
	return boolValue(false)
}

// split makes a list of the parts of a text between separators.
func split(_ *env, a [][]byte) value {
	out := []byte{'['}
	for i, part := range bytes.Split(a[0], a[1]) {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, quoted(part)...)
	}
	return value{kind: structure, b: append(out, ']')}
}
