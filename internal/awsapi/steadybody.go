package awsapi

import (
	"context"
	"fmt"
	"io"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// SteadyBody is an API option of generated clients that keeps them from breaking
// off an answer. As of smithy-go 1.28 a client closes a request's body as soon
// as the answer's head is there, and a closed body that can write itself ends in
// an error, not in an end of file. If that comes before net/http has looked
// whether the body has more than its length, which happens when the server is a
// sandbox on the same busy machine, net/http takes it for a failed request and
// cuts the connection while the answer is being read: "use of closed network
// connection". A body that can only be read does not do that.
func SteadyBody(stack *middleware.Stack) error {
	return stack.Build.Add(steadyBody{}, middleware.After)
}

type steadyBody struct{}

// ID implements middleware.BuildMiddleware.
func (steadyBody) ID() string { return "SteadyBody" }

// HandleBuild implements middleware.BuildMiddleware.
func (steadyBody) HandleBuild(ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler) (middleware.BuildOutput, middleware.Metadata, error) {
	req, ok := in.Request.(*smithyhttp.Request)
	if !ok {
		return next.HandleBuild(ctx, in)
	}
	if body, ok := req.GetStream().(io.ReadSeeker); ok {
		steady, err := req.SetStream(onlyReads{body})
		if err != nil {
			return middleware.BuildOutput{}, middleware.Metadata{}, fmt.Errorf("set request body: %w", err)
		}
		in.Request = steady
	}
	return next.HandleBuild(ctx, in)
}

// onlyReads hides that a reader can write itself.
type onlyReads struct{ io.ReadSeeker }
