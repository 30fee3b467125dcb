package cloudwatch

import (
	"fmt"
	"net/http"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// The errors of CloudWatch. Where the query protocol has another name for a
// shape, that is its QueryCode.

func refuse(shape, code string, status int, format string, args []any) error {
	return &api.Error{Shape: shape, QueryCode: code, Status: status, Message: fmt.Sprintf(format, args...)}
}

func invalidValue(format string, args ...any) error {
	return refuse("InvalidParameterValueException", "InvalidParameterValue", http.StatusBadRequest, format, args)
}

func invalidCombination(format string, args ...any) error {
	return refuse("InvalidParameterCombinationException", "InvalidParameterCombination", http.StatusBadRequest, format, args)
}

func missing(format string, args ...any) error {
	return refuse("MissingRequiredParameterException", "MissingParameter", http.StatusBadRequest, format, args)
}

func invalidFormat(format string, args ...any) error {
	return refuse("InvalidFormatFault", "InvalidFormat", http.StatusBadRequest, format, args)
}

func invalidToken() error {
	return refuse("InvalidNextToken", "", http.StatusBadRequest, "The next token is not valid for this request.", nil)
}

func notFound(format string, args ...any) error {
	return refuse("ResourceNotFound", "", http.StatusNotFound, format, args)
}

// invalidAlarm is what alarm actions answer: their models declare no error for
// bad input, and the service answers with this generic code.
func invalidAlarm(format string, args ...any) error {
	return refuse("ValidationError", "", http.StatusBadRequest, format, args)
}

func resourceNotFound(arn string) error {
	return &api.Error{
		Shape: "ResourceNotFoundException", Status: http.StatusNotFound,
		Message: "Resource " + arn + " does not exist",
		Members: map[string]any{"ResourceType": resourceType(arn), "ResourceId": arn},
	}
}

// unsupported refuses what CloudWatch can do and the sandbox cannot.
func unsupported(format string, args ...any) error {
	return refuse("UnsupportedOperation", "", http.StatusNotImplemented, "The sandbox does not support "+format+".", args)
}
