// Command tagsgo makes the calls to the tagging service that a test asks for, with
// AWS's SDK for Go. A request is a line {"service", "op", "in"}; a line {"value"} or
// {"error": {"class", "code", "message"}} answers it. Without an op, the answer is
// the operations that the client has. The argument is the sandbox's URL.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go-v2/credentials"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/smithy-go"
)

type request struct {
	Op string
	In json.RawMessage
}

func main() {
	client := tagging.New(tagging.Options{
		Region: "us-east-1", BaseEndpoint: &os.Args[1], RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
	})
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var r request
		err := json.Unmarshal(lines.Bytes(), &r)
		if err == nil {
			err = json.NewEncoder(os.Stdout).Encode(answer(client, r))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func answer(client *tagging.Client, r request) map[string]any {
	c := reflect.ValueOf(client)
	if r.Op == "" {
		var names []string
		for m := range c.Type().Methods() {
			names = append(names, m.Name)
		}
		return map[string]any{"value": map[string]any{"operations": names}}
	}
	method := c.MethodByName(r.Op)
	in := reflect.New(method.Type().In(1).Elem())
	if err := json.Unmarshal(r.In, in.Interface()); err != nil {
		return map[string]any{"error": map[string]string{"message": err.Error()}}
	}
	out := method.Call([]reflect.Value{reflect.ValueOf(context.Background()), in})
	if err, _ := out[1].Interface().(error); err != nil {
		f := map[string]string{"message": err.Error()}
		var e smithy.APIError
		if errors.As(err, &e) {
			f = map[string]string{"class": strings.TrimPrefix(fmt.Sprintf("%T", e), "*types."), "code": e.ErrorCode(), "message": e.ErrorMessage()}
		}
		return map[string]any{"error": f}
	}
	value := out[0].Elem()
	fields := map[string]any{}
	for f, v := range value.Fields() {
		if f.IsExported() && f.Name != "ResultMetadata" {
			fields[f.Name] = v.Interface()
		}
	}
	return map[string]any{"value": fields}
}
