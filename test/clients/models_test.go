//go:build clients

package clients_test

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/clock"
	"github.com/sidelight-dev/sidelight/internal/sandbox/cloudwatch"
	"github.com/sidelight-dev/sidelight/internal/sandbox/logs"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sts"
	"github.com/sidelight-dev/sidelight/internal/sandbox/tagging"
	"github.com/sidelight-dev/sidelight/internal/sandbox/xray"
)

var updateLimits = flag.Bool("update-limits", false, "rewrite the limits that the sandbox enforces from the models of AWS")

// awsModel is a service model as botocore has it.
type awsModel struct {
	Metadata   struct{ Protocol, TargetPrefix, APIVersion, JSONVersion string }
	Operations map[string]*modelOperation
	Shapes     map[string]*modelShape
	isCurrent  bool
}

type modelOperation struct {
	Name          string
	Input, Output *modelRef
	Errors        []modelRef
	HTTP          struct{ RequestURI string }
}

type modelRef struct{ Shape string }

type modelShape struct {
	Type               string
	Members            map[string]modelRef
	Required           []string
	Member, Key, Value *modelRef
	Min, Max           *json.Number
	Pattern            string
	Enum               []string
	Union              bool
	Eventstream        bool
	Error              struct {
		Code           string
		HTTPStatusCode int
	}
}

// modelService is a service of the sandbox and where its model is.
type modelService struct {
	folder  string
	service api.Service
}

func modelServices(t *testing.T) []modelService {
	t.Helper()
	c := clock.New()
	l, err := logs.New(logs.Options{Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	return []modelService{
		{"logs/2014-03-28", l},
		{"cloudwatch/2010-08-01", cloudwatch.New(cloudwatch.Options{Clock: c})},
		{"xray/2016-04-12", xray.New(xray.Options{Clock: c})},
		{"sts/2011-06-15", sts.New()},
		{"resourcegroupstaggingapi/2017-01-26", tagging.New(nil)},
	}
}

// modelData is the folder of the models: BOTOCORE_DATA, or that of Debian's
// package python3-botocore.
func modelData() string {
	if d := os.Getenv("BOTOCORE_DATA"); d != "" {
		return d
	}
	return "/usr/lib/python3/dist-packages/botocore/data"
}

func loadModel(t *testing.T, s modelService) *awsModel {
	t.Helper()
	path := filepath.Join(modelData(), filepath.FromSlash(s.folder), "service-2.json")
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.Open(path + ".gz")
	}
	if err != nil {
		t.Fatalf("open model (set BOTOCORE_DATA, or install python3-botocore): %v", err)
	}
	defer f.Close()
	r := io.Reader(f)
	if strings.HasSuffix(f.Name(), ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	m := new(awsModel)
	if err := json.NewDecoder(r).Decode(m); err != nil {
		t.Fatalf("read model %s: %v", path, err)
	}
	m.isCurrent = m.current(s.service)
	return m
}

func (m *awsModel) shape(r *modelRef) *modelShape {
	if r == nil {
		return &modelShape{Type: "structure"}
	}
	return m.Shapes[r.Shape]
}

// TestLimitsOfModels compares the limits that the sandbox enforces with those
// of the models. With -update-limits it writes them instead.
func TestLimitsOfModels(t *testing.T) {
	for _, s := range modelServices(t) {
		t.Run(s.service.Name(), func(t *testing.T) {
			m := loadModel(t, s)
			path := filepath.Join("..", "..", "internal", "sandbox", "awsproto", "limits", s.service.Name()+".txt")
			fresh := limitsOf(m, s.service)
			if *updateLimits {
				if err := os.WriteFile(path, []byte(strings.Join(fresh, "\n")+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			kept, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			have := make(map[string]bool)
			for _, l := range strings.Split(string(kept), "\n") {
				have[l] = true
			}
			// A model that is older than the sandbox's knows less, so only what
			// it says and the sandbox does not is a finding; see outgrown.
			for _, l := range fresh {
				if name, _, _ := strings.Cut(l, "\t"); !have[l] && outgrown()[name] == "" {
					t.Errorf("the model has a limit that the sandbox does not enforce: %q", l)
				}
			}
		})
	}
}

// limitsOf lists the limits of the inputs of a service's operations, a line
// each: member, "required", least, greatest, pattern; parts that are not there
// are empty. The members of an operation's input are under its name and Input.
func limitsOf(m *awsModel, s api.Service) []string {
	lines := make(map[string]string)
	seen := make(map[string]bool)
	var visit func(typ string, sh *modelShape)
	var describe func(path string, ref modelRef, required bool)
	describe = func(path string, ref modelRef, required bool) {
		sh := m.Shapes[ref.Shape]
		if line := limitLine(sh, required); line != "" {
			lines[path] = path + "\t" + line
		}
		switch sh.Type {
		case "structure":
			visit(ref.Shape, sh)
		case "list":
			describe(path+"[]", *sh.Member, false)
		case "map":
			describe(path+"{key}", *sh.Key, false)
			describe(path+"{value}", *sh.Value, false)
		}
	}
	visit = func(typ string, sh *modelShape) {
		if seen[typ] {
			return
		}
		seen[typ] = true
		for name, ref := range sh.Members {
			describe(typ+"."+name, ref, slices.Contains(sh.Required, name))
		}
	}
	for _, op := range s.Operations() {
		if o := m.Operations[op.Name]; o != nil && o.Input != nil {
			visit(op.Name+"Input", m.Shapes[o.Input.Shape])
		}
	}
	return slices.Sorted(maps.Values(lines))
}

func limitLine(sh *modelShape, required bool) string {
	var req, least, most string
	if required {
		req = "required"
	}
	if sh.Min != nil {
		least = sh.Min.String()
	}
	if sh.Max != nil {
		most = sh.Max.String()
	}
	if req == "" && least == "" && most == "" && sh.Pattern == "" {
		return ""
	}
	return strings.TrimRight(strings.Join([]string{req, least, most, sh.Pattern}, "\t"), "\t")
}

// outgrown are limits that AWS has widened or given up since Debian's models,
// by member or by "Operation: what is wrong", and what they are now.
func outgrown() map[string]string {
	longer := "at most 255 characters without a pattern, and IDs of at most 256 that may not be empty"
	return map[string]string{
		"AssociateKmsKeyInput.logGroupName":                       "or resourceIdentifier",
		"DisassociateKmsKeyInput.logGroupName":                    "or resourceIdentifier",
		"DescribeLogStreamsInput.logGroupName":                    "or logGroupIdentifier",
		"FilterLogEventsInput.logGroupName":                       "or logGroupIdentifier",
		"GetLogEventsInput.logGroupName":                          "or logGroupIdentifier",
		"GetLogGroupFieldsInput.logGroupName":                     "or logGroupIdentifier",
		"StartQueryInput.limit":                                   "at most 100,000",
		"DeleteQueryDefinitionInput.queryDefinitionId":            longer,
		"DescribeQueryDefinitionsInput.queryDefinitionNamePrefix": longer,
		"GetQueryResultsInput.queryId":                            longer,
		"PutQueryDefinitionInput.name":                            longer,
		"PutQueryDefinitionInput.queryDefinitionId":               longer,
		"StopQueryInput.queryId":                                  longer,
		"PutMetricAlarmInput.ComparisonOperator":                  "not with an EvaluationCriteria",
		"PutMetricAlarmInput.EvaluationPeriods":                   "not with an EvaluationCriteria",
		"PutResourcePolicyInput.policyDocument":                   "at most 51,200 characters",
		"CreateLookupTableInput.tableBody":                        "or queryId",
		"UpdateLookupTableInput.tableBody":                        "or queryId",
		"DestinationConfiguration.s3Configuration":                "or lookupTableConfiguration",
		"PutMetricDataInput.MetricData":                           "or EntityMetricData",
	}
}

// zeroes are required numbers that the SDK's structures hold by value, so that
// one which is missing and one which is 0 are the same to the sandbox.
func zeroes() []string {
	return []string{
		"CreateSamplingRule: SamplingRule.FixedRate is missing", "CreateSamplingRule: SamplingRule.ReservoirSize is missing",
		"GetSamplingTargets: SamplingStatisticsDocuments[0].RequestCount is missing",
		"GetSamplingTargets: SamplingStatisticsDocuments[0].SampledCount is missing",
	}
}

// offers says whether the sandbox has the operation and the model knows it.
func (s *modelService) offers(m *awsModel, op string) bool {
	return m.Operations[op] != nil && slices.ContainsFunc(s.service.Operations(), func(o api.Operation) bool { return o.Name == op })
}

// checkOutput lists what is wrong with an answer's value by its shape. Values
// are of JSON's kinds, and of what the decoders of the other protocols make of
// theirs.
func (m *awsModel) checkOutput(path string, ref *modelRef, v any, p modelProtocol) (problems []string) {
	bad := func(format string, args ...any) []string {
		return append(problems, path+": "+fmt.Sprintf(format, args...))
	}
	sh := m.shape(ref)
	switch sh.Type {
	case "structure":
		obj, ok := v.(map[string]any)
		if !ok {
			return bad("is a %T, not a structure", v)
		}
		for _, name := range sh.Required {
			if _, ok := obj[name]; !ok {
				problems = bad("lacks the required member %s", name)
			}
		}
		if sh.Union && len(obj) != 1 {
			problems = bad("is a union with %d members", len(obj))
		}
		for name, kid := range obj {
			r, ok := sh.Members[name]
			if !ok {
				continue // the SDK, whose structures the sandbox answers with, is newer
			}
			problems = append(problems, m.checkOutput(path+"."+name, &r, kid, p)...)
		}
		return problems
	case "list":
		list, ok := v.([]any)
		if !ok {
			return bad("is a %T, not a list", v)
		}
		for i, kid := range list {
			problems = append(problems, m.checkOutput(fmt.Sprintf("%s[%d]", path, i), sh.Member, kid, p)...)
		}
		return problems
	case "map":
		obj, ok := v.(map[string]any)
		if !ok {
			return bad("is a %T, not a map", v)
		}
		for k, kid := range obj {
			problems = append(problems, m.checkOutput(path+"{"+k+"}", sh.Value, kid, p)...)
		}
		return problems
	}
	if problem := p.checkScalar(sh, v); problem != "" {
		return bad("%s", problem)
	}
	if s, ok := v.(string); ok && len(sh.Enum) > 0 && m.isCurrent && !slices.Contains(sh.Enum, s) {
		return bad("is %q, which is none of %v", s, sh.Enum)
	}
	return nil
}

// current says whether the model is as new as the sandbox: whether it has all
// that the sandbox offers. Debian's are years old; what they lack is then no
// finding, as the sandbox writes the members of the SDK's newer model.
func (m *awsModel) current(s api.Service) bool {
	for _, op := range s.Operations() {
		if m.Operations[op.Name] == nil {
			return false
		}
	}
	return true
}

// TestOperationsAreInModels finds misspelt operations, with models that are as
// new as the sandbox.
func TestOperationsAreInModels(t *testing.T) {
	for _, s := range modelServices(t) {
		m := loadModel(t, s)
		known := 0
		for _, op := range s.service.Operations() {
			if m.Operations[op.Name] != nil {
				known++
			} else if os.Getenv("BOTOCORE_DATA") != "" {
				t.Errorf("%s: the model has no operation %s", s.service.Name(), op.Name)
			}
		}
		if 3*known < len(s.service.Operations()) {
			t.Errorf("%s: the model has only %d of the sandbox's operations", s.service.Name(), known)
		}
	}
}
