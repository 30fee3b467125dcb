package sampler_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/sidelight-dev/sidelight/sdk/sampler"
)

func ExampleNew() {
	fetched := make(chan struct{})
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"SamplingRuleRecords":[{"SamplingRule":{"RuleName":"Default","Priority":10000,"FixedRate":1,
			"ServiceName":"*","ServiceType":"*","Host":"*","HTTPMethod":"*","URLPath":"*","ResourceARN":"*","Version":1}}]}`)
		close(fetched)
	}))
	defer agent.Close()

	remote, err := sampler.New(sampler.Config{Endpoint: agent.URL, ServiceName: "orders"})
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- remote.Run(ctx) }()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.ParentBased(remote)))
	<-fetched

	_, span := provider.Tracer("orders").Start(ctx, "checkout")
	span.End()
	stop()
	fmt.Println(<-done)
	// Output: context canceled
}
