package main

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/awsapi"
)

// reasons is an error taken apart for people.
type reasons struct{ what, because, try string }

// explain takes apart what a call of AWS failed with. Of any other error, what is
// all of it.
func explain(err error) reasons {
	r := reasons{what: err.Error()}
	if h, ok := errors.AsType[*hintError](err); ok {
		r.try = h.hint
	}
	op, ok := errors.AsType[*smithy.OperationError](err)
	if !ok {
		return r
	}
	r.what = strings.TrimSuffix(strings.TrimSuffix(r.what, op.Error()), ": ")
	if r.what == "" {
		r.what = op.Service() + " " + op.Operation()
	}
	r.because = because(op)
	if r.try == "" {
		r.try = try(op)
	}
	return r
}

// because is the service's code, message and request, or why there was none.
func because(op *smithy.OperationError) string {
	api, ok := errors.AsType[smithy.APIError](op)
	if !ok && noCredentials(op) {
		return "no AWS credentials were found: " + root(op).Error()
	}
	if !ok {
		return root(op).Error()
	}
	s := api.ErrorCode()
	if m := api.ErrorMessage(); m != "" {
		s += ": " + m
	}
	if resp, ok := errors.AsType[*awshttp.ResponseError](op); ok && resp.ServiceRequestID() != "" {
		s += " (request " + resp.ServiceRequestID() + ")"
	}
	return s
}

// noCredentials reports whether a call was not made because nothing signs it. The
// SDK has no type for that.
func noCredentials(op *smithy.OperationError) bool {
	return strings.Contains(op.Error(), "get identity: get credentials") || strings.Contains(op.Error(), "failed to refresh cached credentials")
}

// root is the innermost error, but the whole of one that names an address.
func root(err error) error {
	for {
		if _, ok := err.(*net.OpError); ok {
			return err
		}
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// try is what may help.
func try(op *smithy.OperationError) string {
	status, code := awsapi.Details(op)
	switch {
	case errors.Is(op, syscall.ECONNREFUSED):
		return "sidelight sandbox in another terminal, if that is what shall answer"
	case code == "ExpiredToken" || code == "ExpiredTokenException":
		return "aws sso login, or fresh credentials"
	case code == "ResourceNotFoundException" && strings.HasPrefix(op.Operation(), "Filter") || code == "ResourceNotFoundException" && op.Operation() == "StartQuery":
		return "sidelight logs groups"
	case code == "" && noCredentials(op):
		return "aws sso login, --profile NAME, or --sandbox"
	case code == "" && errors.Is(op, context.DeadlineExceeded):
		return "again, or another --region"
	}
	switch awsapi.Classify(status, code) {
	case sidelight.Denied:
		return "allow " + action(op) + " to these credentials, or --profile NAME"
	case sidelight.Throttled:
		return "again in a moment: others use the same quota"
	case sidelight.Transient:
		return "again in a moment"
	}
	return ""
}

// action is the permission that an operation needs.
func action(op *smithy.OperationError) string {
	prefix := map[string]string{"CloudWatch": "cloudwatch", "CloudWatch Logs": "logs", "XRay": "xray", "STS": "sts"}[op.Service()]
	return prefix + ":" + op.Operation()
}
