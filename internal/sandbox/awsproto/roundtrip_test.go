package awsproto_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/awsapi"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/awsproto"
)

// filler makes values with every member set, all of them different.
type filler struct {
	n      int
	unions map[reflect.Type]reflect.Type
}

func (f *filler) fill(v reflect.Value, depth int) {
	f.n++
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(time.UnixMilli(1795348800000 + int64(f.n)*1001).UTC()))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if depth > 12 {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem(), depth)
	case reflect.String:
		v.SetString(fmt.Sprintf("s%d \"é\n<&>", f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32, reflect.Int64:
		v.SetInt(int64(f.n) - 3)
	case reflect.Float64, reflect.Float32:
		v.SetFloat(float64(f.n) + 0.5)
	case reflect.Slice:
		f.fillSlice(v, depth)
	case reflect.Map:
		f.fillMap(v, depth)
	case reflect.Struct:
		for i := range v.NumField() {
			if t := v.Type().Field(i); t.IsExported() && t.Name != "ResultMetadata" {
				f.fill(v.Field(i), depth+1)
			}
		}
	case reflect.Interface:
		if t, ok := f.unions[v.Type()]; ok {
			e := reflect.New(t)
			f.fill(e.Elem(), depth+1)
			v.Set(e)
		}
	default:
		panic("BUG: no filler for " + v.Type().String())
	}
}

func (f *filler) fillSlice(v reflect.Value, depth int) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		v.SetBytes([]byte{0, 255, byte(f.n)})
		return
	}
	if depth > 12 {
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), 2, 2))
	for i := range 2 {
		f.fill(v.Index(i), depth+1)
	}
}

func (f *filler) fillMap(v reflect.Value, depth int) {
	v.Set(reflect.MakeMap(v.Type()))
	for range 2 {
		k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		f.fill(k, depth+1)
		f.fill(e, depth+1)
		v.SetMapIndex(k, e)
	}
}

// echo is a service that has every operation of a client, keeps the input of
// the last call and answers with what it is told.
type echo struct {
	name string
	ops  []api.Operation
	in   any
	out  func(op string) any
	err  error
}

func (e *echo) Name() string                { return e.name }
func (e *echo) Operations() []api.Operation { return e.ops }

// streams are the operations that answer with an event stream, which no structure describes.
func streams() []string { return []string{"StartLiveTail", "GetLogObject"} }

// clientOps calls do for each operation of a client.
func clientOps(client any, do func(name string, method reflect.Value, in, out reflect.Type)) {
	v := reflect.ValueOf(client)
	for i := range v.NumMethod() {
		t, name := v.Method(i).Type(), v.Type().Method(i).Name
		if t.NumOut() != 2 || t.NumIn() != 3 || !strings.HasSuffix(t.In(1).String(), "Input") || slices.Contains(streams(), name) {
			continue
		}
		do(name, v.Method(i), t.In(1).Elem(), t.Out(0).Elem())
	}
}

func newEcho(name string, client any) *echo {
	e := &echo{name: name}
	clientOps(client, func(op string, _ reflect.Value, in, _ reflect.Type) {
		e.ops = append(e.ops, api.Operation{
			Name:     op,
			NewInput: func() any { return reflect.New(in).Interface() },
			Do: func(_ context.Context, in any) (any, error) {
				e.in = in
				return e.out(op), e.err
			},
		})
	})
	return e
}

func serve(t *testing.T, e api.Service, spec awsproto.Spec, opts ...func(*awsproto.Options)) aws.Config {
	t.Helper()
	o := awsproto.Options{Services: []api.Service{e}, Specs: []awsproto.Spec{spec}, Account: "123456789012"}
	for _, opt := range opts {
		opt(&o)
	}
	url := serveOptions(t, o)
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(url), RetryMaxAttempts: 1,
		APIOptions: []func(*middleware.Stack) error{awsapi.SteadyBody},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret", SessionToken: "token"}, nil
		}),
	}
}

// serveOptions serves until the test ends.
func serveOptions(t *testing.T, o awsproto.Options) string {
	t.Helper()
	h, err := awsproto.New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

// exported compares only the members that a protocol carries.
func exported() cmp.Option {
	return cmp.FilterPath(func(p cmp.Path) bool {
		sf, ok := p.Last().(cmp.StructField)
		if !ok {
			return false
		}
		f, _ := p.Index(-2).Type().FieldByName(sf.Name())
		return !f.IsExported() || f.Name == "ResultMetadata"
	}, cmp.Ignore())
}

// TestEveryOperationOfTheClients sends every operation of the clients with
// every member set, and answers with every member set. The clients' own codecs
// are the judge of names, types and times in both directions.
func TestEveryOperationOfTheClients(t *testing.T) {
	for name, tt := range map[string]struct {
		spec   awsproto.Spec
		client func(aws.Config) any
		min    int
		skip   []string
	}{
		"cloudwatch": {awsproto.CloudWatch(), func(c aws.Config) any { return cloudwatch.NewFromConfig(c) }, 40, nil},
		"logs":       {awsproto.Logs(), func(c aws.Config) any { return cloudwatchlogs.NewFromConfig(c) }, 90, nil},
		"xray":       {awsproto.XRay(), func(c aws.Config) any { return xray.NewFromConfig(c) }, 35, nil},
		// Two operations of STS are called without credentials; the sandbox does neither.
		"sts": {awsproto.STS(), func(c aws.Config) any { return sts.NewFromConfig(c) }, 8, []string{"AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEcho(tt.spec.Service, tt.client(aws.Config{}))
			unions := make(map[reflect.Type]reflect.Type)
			for _, u := range tt.spec.Unions {
				unions[reflect.TypeOf(u.Interface).Elem()] = reflect.TypeOf(u.Members[len(u.Members)-1]).Elem()
			}
			var want reflect.Value
			e.out = func(string) any { return want.Interface() }
			n := 0
			clientOps(tt.client(serve(t, e, tt.spec)), func(op string, method reflect.Value, in, out reflect.Type) {
				if slices.Contains(tt.skip, op) {
					return
				}
				n++
				f := &filler{n: n * 100, unions: unions}
				input := reflect.New(in)
				f.fill(input.Elem(), 0)
				want = reflect.New(out)
				f.fill(want.Elem(), 0)
				res := method.Call([]reflect.Value{reflect.ValueOf(t.Context()), input})
				if err, _ := res[1].Interface().(error); err != nil {
					t.Errorf("%s: %v", op, err)
					return
				}
				if d := cmp.Diff(input.Interface(), e.in, exported()); d != "" {
					t.Errorf("%s: input differs (-sent +decoded):\n%s", op, d)
				}
				if d := cmp.Diff(want.Interface(), res[0].Interface(), exported()); d != "" {
					t.Errorf("%s: output differs (-answered +read):\n%s", op, d)
				}
			})
			if n < tt.min {
				t.Errorf("the client has %d operations, want %d at least", n, tt.min)
			}
		})
	}
}
