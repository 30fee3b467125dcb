// Command xraygo serves requests to itself under the X-Ray SDK for Go until one
// was sampled by a rule that came from the service, prints the rule and the
// trace's ID, and then serves on, since the SDK reports its statistics every ten
// seconds. AWS_XRAY_DAEMON_ADDRESS says where the daemon is.
//
// With the arguments front and a file it is the service front of the test with
// four SDKs instead; with count, two numbers and a word it traces so many requests with
// so many calls each.
//
// It is a module of its own: the SDK brings modules that the product must not
// have.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/aws/aws-xray-sdk-go/xray"
)

func main() {
	run := serve
	if len(os.Args) == 3 && os.Args[1] == "front" {
		run = func() error { return front(os.Args[2]) }
	}
	if len(os.Args) == 5 && os.Args[1] == "count" {
		run = func() error { return count(os.Args[2], os.Args[3], os.Args[4]) }
	}
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

// sampling is what was decided for a request.
type sampling struct {
	Rule  string `json:"rule"`
	Trace string `json:"trace"`
}

func serve() error {
	decisions := make(chan sampling, 1)
	shop := httptest.NewServer(xray.Handler(xray.NewFixedSegmentNamer("checkout"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		decisions <- handle(w, r)
	})))
	defer shop.Close()
	every := time.NewTicker(50 * time.Millisecond)
	defer every.Stop()
	for range every.C {
		resp, err := http.Get(shop.URL + "/pay")
		if err != nil {
			return fmt.Errorf("get: %w", err)
		}
		resp.Body.Close()
		if d := <-decisions; d.Rule != "" && d.Rule != "Default" {
			if err := json.NewEncoder(os.Stdout).Encode(d); err != nil {
				return err
			}
			break
		}
	}
	select {}
}

func handle(w http.ResponseWriter, r *http.Request) sampling {
	seg := xray.GetSegment(r.Context())
	_ = xray.AddAnnotation(r.Context(), "tier", "gold")
	_ = xray.Capture(r.Context(), "reserve", func(context.Context) error { return nil })
	w.WriteHeader(http.StatusInternalServerError)
	rule, _ := seg.GetAWS()["xray"].(xray.SDK)
	return sampling{Rule: rule.RuleName, Trace: seg.TraceID}
}
