//go:build clients

package clients_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

// modelProtocol is a wire protocol, written from the models alone: it shares
// nothing with the sandbox's own decoders and encoders.
type modelProtocol int

const (
	modelJSON modelProtocol = iota
	modelQuery
	modelCBOR
	modelREST
)

func (p modelProtocol) String() string { return [...]string{"json", "query", "cbor", "rest"}[p] }

// modelAnswer is an answer: its status, and its value or its error.
type modelAnswer struct {
	status int
	value  map[string]any
	code   string
	body   []byte
}

// modelCall sends an input, whose members are named as in the model and whose
// times are time.Time.
func modelCall(t *testing.T, endpoint string, m *awsModel, p modelProtocol, scope, op string, in map[string]any) *modelAnswer {
	t.Helper()
	r, err := p.request(endpoint, m, op, in)
	if err != nil {
		t.Fatalf("%s: write request: %v", op, err)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/"+scope+"/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(r.WithContext(t.Context()))
	if err != nil {
		t.Fatalf("%s: %v", op, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s: %v", op, err)
	}
	if resp.Header.Get("X-Amzn-Requestid") == "" {
		t.Errorf("%s: the answer has no request ID", op)
	}
	a := &modelAnswer{status: resp.StatusCode, body: body}
	if a.value, err = p.decode(m, op, body, resp.StatusCode); err != nil {
		t.Errorf("%s over %v: read answer %d: %v\n%s", op, p, a.status, err, body)
	}
	if a.status != http.StatusOK {
		a.code = errorCode(p, a.value)
	}
	return a
}

func errorCode(p modelProtocol, v map[string]any) string {
	if p == modelQuery {
		e, _ := v["Error"].(map[string]any)
		s, _ := e["Code"].(string)
		return s
	}
	s, _ := v["__type"].(string)
	return s[strings.LastIndexByte(s, '#')+1:]
}

func (p modelProtocol) request(endpoint string, m *awsModel, op string, in map[string]any) (*http.Request, error) {
	var body []byte
	var err error
	header := make(http.Header)
	path := "/"
	ref := m.Operations[op].Input
	switch p {
	case modelQuery:
		form := url.Values{"Action": {op}, "Version": {m.Metadata.APIVersion}}
		m.putForm(form, "", ref, in)
		body = []byte(form.Encode())
		header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	case modelCBOR:
		v, encErr := m.toCBOR(ref, in)
		body, err = cbor.Encode(v), encErr
		path = "/service/GraniteServiceVersion20100801/operation/" + op
		header.Set("Content-Type", "application/cbor")
		header.Set("Smithy-Protocol", "rpc-v2-cbor")
	case modelREST:
		path = m.Operations[op].HTTP.RequestURI
		body, err = json.Marshal(m.toJSON(ref, in))
		header.Set("Content-Type", "application/json")
	default:
		body, err = json.Marshal(m.toJSON(ref, in))
		prefix, version := m.Metadata.TargetPrefix, m.Metadata.JSONVersion
		if prefix == "" {
			prefix, version = "GraniteServiceVersion20100801", "1.0"
		}
		header.Set("X-Amz-Target", prefix+"."+op)
		header.Set("Content-Type", "application/x-amz-json-"+version)
	}
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(http.MethodPost, endpoint+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header = header
	return r, nil
}

// toJSON turns times into epoch seconds and bytes into base64.
func (m *awsModel) toJSON(ref *modelRef, v any) any {
	switch x := v.(type) {
	case time.Time:
		return float64(x.UnixMilli()) / 1000
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, kid := range x {
			out[k] = m.toJSON(nil, kid)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, kid := range x {
			out[i] = m.toJSON(nil, kid)
		}
		return out
	}
	return v
}

func (m *awsModel) toCBOR(ref *modelRef, v any) (cbor.Value, error) {
	switch x := v.(type) {
	case time.Time:
		return &cbor.Tag{ID: 1, Value: cbor.Float64(float64(x.UnixMilli()) / 1000)}, nil
	case string:
		return cbor.String(x), nil
	case bool:
		return cbor.Bool(x), nil
	case int:
		if x < 0 {
			return cbor.NegInt(uint64(-int64(x))), nil
		}
		return cbor.Uint(x), nil
	case float64:
		return cbor.Float64(x), nil
	case map[string]any:
		out := make(cbor.Map)
		for k, kid := range x {
			c, err := m.toCBOR(nil, kid)
			if err != nil {
				return nil, err
			}
			out[k] = c
		}
		return out, nil
	case []any:
		out := make(cbor.List, len(x))
		for i, kid := range x {
			c, err := m.toCBOR(nil, kid)
			if err != nil {
				return nil, err
			}
			out[i] = c
		}
		return out, nil
	case nil:
		return cbor.Map{}, nil
	}
	return nil, fmt.Errorf("no CBOR for a %T", v)
}

// putForm writes a value under prefix: lists as .member.N, maps as .entry.N.
func (m *awsModel) putForm(form url.Values, prefix string, ref *modelRef, v any) {
	sh := m.shape(ref)
	switch x := v.(type) {
	case map[string]any:
		n := 0
		for k, kid := range x {
			if sh.Type == "map" {
				n++
				form.Set(fmt.Sprintf("%s.entry.%d.key", prefix, n), k)
				m.putForm(form, fmt.Sprintf("%s.entry.%d.value", prefix, n), sh.Value, kid)
				continue
			}
			r := sh.Members[k]
			name := k
			if prefix != "" {
				name = prefix + "." + k
			}
			m.putForm(form, name, &r, kid)
		}
	case []any:
		if len(x) == 0 {
			form.Set(prefix, "")
		}
		for i, kid := range x {
			m.putForm(form, fmt.Sprintf("%s.member.%d", prefix, i+1), sh.Member, kid)
		}
	case time.Time:
		form.Set(prefix, x.UTC().Format("2006-01-02T15:04:05.000Z"))
	default:
		form.Set(prefix, fmt.Sprint(x))
	}
}

func (p modelProtocol) decode(m *awsModel, op string, body []byte, status int) (map[string]any, error) {
	if len(body) == 0 {
		return map[string]any{}, nil
	}
	switch p {
	case modelQuery:
		return decodeXML(m, op, body, status)
	case modelCBOR:
		v, err := cbor.Decode(body)
		if err != nil {
			return nil, err
		}
		out, ok := fromCBOR(v).(map[string]any)
		if !ok {
			return nil, errors.New("the body is not a map")
		}
		return out, nil
	}
	var out map[string]any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	return out, d.Decode(&out)
}

func fromCBOR(v cbor.Value) any {
	switch x := v.(type) {
	case cbor.Map:
		out := make(map[string]any, len(x))
		for k, kid := range x {
			out[k] = fromCBOR(kid)
		}
		return out
	case cbor.List:
		out := make([]any, len(x))
		for i, kid := range x {
			out[i] = fromCBOR(kid)
		}
		return out
	case cbor.String:
		return string(x)
	case cbor.Bool:
		return bool(x)
	}
	return v
}

// xmlElement is an element of an answer.
type xmlElement struct {
	XMLName xml.Name
	Text    string       `xml:",chardata"`
	Kids    []xmlElement `xml:",any"`
}

func decodeXML(m *awsModel, op string, body []byte, status int) (map[string]any, error) {
	var root xmlElement
	if err := xml.Unmarshal(body, &root); err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		if root.XMLName.Local != "ErrorResponse" {
			return nil, fmt.Errorf("an error is in <%s>", root.XMLName.Local)
		}
		v, _ := plainXML(&root).(map[string]any)
		return v, nil
	}
	if root.XMLName.Local != op+"Response" {
		return nil, fmt.Errorf("the answer is in <%s>", root.XMLName.Local)
	}
	out := map[string]any{}
	var requestID bool
	for i := range root.Kids {
		switch k := &root.Kids[i]; k.XMLName.Local {
		case op + "Result":
			v, err := m.fromXML(m.Operations[op].Output, k)
			if err != nil {
				return nil, err
			}
			out = v.(map[string]any)
		case "ResponseMetadata":
			requestID = len(k.Kids) == 1 && k.Kids[0].XMLName.Local == "RequestId" && k.Kids[0].Text != ""
		default:
			return nil, fmt.Errorf("the answer has <%s>", k.XMLName.Local)
		}
	}
	if !requestID {
		return nil, errors.New("the answer has no ResponseMetadata with a RequestId")
	}
	return out, nil
}

func plainXML(e *xmlElement) any {
	if len(e.Kids) == 0 {
		return e.Text
	}
	out := map[string]any{}
	for i := range e.Kids {
		out[e.Kids[i].XMLName.Local] = plainXML(&e.Kids[i])
	}
	return out
}

// fromXML reads an element by its shape, as the text alone does not tell.
func (m *awsModel) fromXML(ref *modelRef, e *xmlElement) (any, error) {
	sh := m.shape(ref)
	switch sh.Type {
	case "structure":
		out := map[string]any{}
		for i := range e.Kids {
			k := &e.Kids[i]
			name := k.XMLName.Local
			r, ok := sh.Members[name]
			if !ok {
				out[name] = k.Text // the check of the value says so
				continue
			}
			v, err := m.fromXML(&r, k)
			if err != nil {
				return nil, err
			}
			if _, twice := out[name]; twice {
				return nil, fmt.Errorf("<%s> is there twice", name)
			}
			out[name] = v
		}
		return out, nil
	case "list":
		out := []any{}
		for i := range e.Kids {
			if n := e.Kids[i].XMLName.Local; n != "member" {
				return nil, fmt.Errorf("an item of a list is in <%s>", n)
			}
			v, err := m.fromXML(sh.Member, &e.Kids[i])
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case "map":
		return nil, errors.New("no answer of the query protocol has a map")
	}
	if len(e.Kids) > 0 {
		return nil, fmt.Errorf("<%s> has elements in it", e.XMLName.Local)
	}
	return e.Text, nil
}

// checkScalar says what is wrong with a scalar of an answer.
func (p modelProtocol) checkScalar(sh *modelShape, v any) string {
	bad := fmt.Sprintf("is %v (%T), not a %s", v, v, sh.Type)
	if p == modelQuery {
		s, ok := v.(string)
		if !ok || !scalarText(sh.Type, s) {
			return bad
		}
		return ""
	}
	ok := false
	switch sh.Type {
	case "string":
		_, ok = v.(string)
	case "boolean":
		_, ok = v.(bool)
	case "blob":
		ok = isBlob(v)
	case "timestamp":
		ok = p.isTime(v)
	case "integer", "long":
		ok = isInteger(v)
	case "double", "float":
		ok = isNumber(v)
	}
	if ok {
		return ""
	}
	return bad
}

// scalarText says whether the text of an element is of a type.
func scalarText(typ, s string) bool {
	var err error
	switch typ {
	case "integer", "long":
		_, err = strconv.ParseInt(s, 10, 64)
	case "double", "float":
		_, err = strconv.ParseFloat(s, 64)
	case "boolean":
		return s == "true" || s == "false"
	case "timestamp":
		_, err = time.Parse(time.RFC3339Nano, s)
	case "blob":
		_, err = base64.StdEncoding.DecodeString(s)
	}
	return err == nil
}

func isBlob(v any) bool {
	switch x := v.(type) {
	case string:
		_, err := base64.StdEncoding.DecodeString(x)
		return err == nil
	case cbor.Slice:
		return true
	}
	return false
}

// isTime: epoch seconds in JSON, and under tag 1 in CBOR.
func (p modelProtocol) isTime(v any) bool {
	if p == modelCBOR {
		tag, ok := v.(*cbor.Tag)
		return ok && tag.ID == 1 && isNumber(tag.Value)
	}
	n, ok := v.(json.Number)
	if !ok {
		return false
	}
	f, err := n.Float64()
	return err == nil && f >= 0 && f < 1e11
}

func isInteger(v any) bool {
	switch x := v.(type) {
	case json.Number:
		_, err := x.Int64()
		return err == nil
	case cbor.Uint, cbor.NegInt:
		return true
	}
	return false
}

func isNumber(v any) bool {
	switch x := v.(type) {
	case json.Number:
		f, err := x.Float64()
		return err == nil && !math.IsInf(f, 0)
	case cbor.Uint, cbor.NegInt, cbor.Float32, cbor.Float64:
		return true
	case string:
		return x == "NaN" || x == "Infinity" || x == "-Infinity"
	}
	return false
}
