package xraydoc_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"unicode/utf8"
)

// schema is what AWS's JSON schema for segment documents
// (xray-segmentdocument-schema-v1.0.0) says of one value. A member that is not
// in members may be anything, as there.
type schema struct {
	kind     string // string, number, integer, boolean, object or array
	min, max int    // characters of a string; a max of zero is none
	pattern  *regexp.Regexp
	members  map[string]*schema
	others   *schema        // of all members that members does not have
	keys     *regexp.Regexp // of all members
	required []string
	items    *schema
}

func text(limit int) *schema               { return &schema{kind: "string", max: limit} }
func id() *schema                          { return &schema{kind: "string", min: 16, max: 16} }
func kind(k string) *schema                { return &schema{kind: k} }
func members(m map[string]*schema) *schema { return &schema{kind: "object", members: m} }
func list(of *schema) *schema              { return &schema{kind: "array", items: of} }

var (
	// The name's pattern as the schema has it for Java: letters, separators and
	// digits of Unicode, and signs, among them no backslash.
	namePattern  = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/%&#=+\-@]{1,200}$`)
	tracePattern = regexp.MustCompile(`^\d+-[A-Fa-f0-9]*-[A-Fa-f0-9]{24}$`)
	// The schema knows no dots in the keys of annotations. X-Ray takes them since
	// (developer guide, "Segment documents: annotations").
	annotationPattern = regexp.MustCompile(`^[a-zA-Z0-9_.]{1,500}$`)
)

func causeSchema() *schema {
	frame := members(map[string]*schema{"path": text(0), "line": kind("integer"), "label": text(0)})
	exception := members(map[string]*schema{
		"id": id(), "message": text(0), "type": text(0), "remote": kind("boolean"), "truncated": kind("integer"),
		"skipped": kind("integer"), "cause": text(0), "stack": list(frame),
	})
	exception.required = []string{"id"}
	return members(map[string]*schema{"working_directory": text(0), "paths": list(text(0)), "exceptions": list(exception)})
}

func httpSchema() *schema {
	return members(map[string]*schema{
		"request": members(map[string]*schema{
			"method": text(250), "client_ip": text(250), "url": text(250), "user_agent": text(250), "x_forwarded_for": kind("boolean"),
		}),
		"response": members(map[string]*schema{"status": kind("number"), "content_length": kind("number")}),
	})
}

func awsSchema() *schema {
	return members(map[string]*schema{
		"account_id": text(0), "operation": text(0), "region": text(0), "request_id": text(0), "queue_url": text(0), "table_name": text(0),
		"ecs": members(map[string]*schema{"container": text(0)}),
		"ec2": members(map[string]*schema{"instance_id": text(0), "availability_zone": text(0)}),
		"elastic_beanstalk": members(map[string]*schema{
			"environment_name": text(0), "version_label": text(0), "deployment_id": kind("number"),
		}),
	})
}

// segmentSchema is the schema of a document; a subsegment that is sent alone has
// the members of both kinds.
func segmentSchema() *schema {
	s := members(map[string]*schema{
		"name": {kind: "string", min: 1, max: 200, pattern: namePattern}, "id": id(), "parent_id": id(),
		"trace_id":   {kind: "string", min: 35, pattern: tracePattern},
		"start_time": kind("number"), "end_time": kind("number"), "in_progress": kind("boolean"),
		"fault": kind("boolean"), "error": kind("boolean"), "throttle": kind("boolean"),
		"user": text(250), "resource_arn": text(0), "origin": text(0), "namespace": text(0), "type": text(0),
		"cause":       causeSchema(),
		"annotations": {kind: "object", keys: annotationPattern, others: &schema{kind: "scalar", max: 1000}},
		"metadata":    {kind: "object", others: kind("object")},
		"http":        httpSchema(), "aws": awsSchema(),
		"service": members(map[string]*schema{"version": text(0)}),
		"sql": members(map[string]*schema{
			"connection_string": text(0), "url": text(0), "sanitized_query": text(0), "database_type": text(0), "database_version": text(0),
			"driver_version": text(0), "user": text(250), "preparation": text(0),
		}),
	})
	s.required = []string{"name", "id", "start_time", "trace_id"}
	return s
}

// check returns an error for each way in which v differs.
func (s *schema) check(v any) error {
	if s == nil {
		return nil
	}
	if err := s.checkKind(v); err != nil {
		return err
	}
	switch v := v.(type) {
	case string:
		return s.checkText(v)
	case map[string]any:
		return s.checkObject(v)
	case []any:
		var errs []error
		for i, e := range v {
			if err := s.items.check(e); err != nil {
				errs = append(errs, fmt.Errorf("%d: %w", i, err))
			}
		}
		return errors.Join(errs...)
	}
	return nil
}

func (s *schema) checkKind(v any) error {
	var ok bool
	switch s.kind {
	case "string":
		_, ok = v.(string)
	case "boolean":
		_, ok = v.(bool)
	case "object":
		_, ok = v.(map[string]any)
	case "array":
		_, ok = v.([]any)
	case "number":
		_, ok = v.(float64)
	case "integer":
		f, is := v.(float64)
		ok = is && f == math.Trunc(f)
	case "scalar":
		switch v.(type) {
		case string, bool, float64:
			ok = true
		}
	}
	if !ok {
		return fmt.Errorf("%T is no %s", v, s.kind)
	}
	return nil
}

func (s *schema) checkText(v string) error {
	n := utf8.RuneCountInString(v)
	if n < s.min || s.max > 0 && n > s.max || s.pattern != nil && !s.pattern.MatchString(v) {
		return fmt.Errorf("%.300q of %d characters", v, n)
	}
	return nil
}

func (s *schema) checkObject(v map[string]any) error {
	var errs []error
	for _, name := range s.required {
		if _, ok := v[name]; !ok {
			errs = append(errs, fmt.Errorf("no %s", name))
		}
	}
	for name, value := range v {
		of := s.members[name]
		if of == nil {
			of = s.others
		}
		if s.keys != nil && !s.keys.MatchString(name) {
			errs = append(errs, fmt.Errorf("key %q", name))
		}
		if err := of.check(value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// checkSchema checks a document by the published schema, and what JSON should
// not have: a member that comes twice at the levels that X-Ray reads.
func checkSchema(doc string) error {
	var v any
	if err := json.Unmarshal([]byte(doc), &v); err != nil {
		return err
	}
	if err := segmentSchema().check(v); err != nil {
		return err
	}
	return noTwice(json.NewDecoder(strings.NewReader(doc)), 3)
}
