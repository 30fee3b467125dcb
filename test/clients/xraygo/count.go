package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"

	rules "github.com/aws/aws-xray-sdk-go/strategy/sampling"
	"github.com/aws/aws-xray-sdk-go/xray"
)

// counted is how much was traced.
type counted struct {
	Requests int `json:"requests"`
	Calls    int `json:"calls"`
}

// streamed is how many subsegments a segment may hold before the SDK sends those
// that are over on their own.
const streamed = 3

// count traces requests with calls each, at the same time and nested in local
// work, so that the SDK sends some of them alone and some in their segment. With
// the word late a request ends before its calls do, as when nobody waits for them.
// It prints how many there were and stays, since the SDK sends in the background.
func count(requests, calls, how string) error {
	var n counted
	var err error
	late := how == "late"
	if n.Requests, err = strconv.Atoi(requests); err != nil {
		return err
	}
	if n.Calls, err = strconv.Atoi(calls); err != nil {
		return err
	}
	stream, err := xray.NewDefaultStreamingStrategyWithMaxSubsegmentCount(streamed)
	if err != nil {
		return err
	}
	all, err := rules.NewLocalizedStrategyFromJSONBytes([]byte(`{"version":2,"rules":[],"default":{"fixed_target":1,"rate":1}}`))
	if err != nil {
		return err
	}
	if err := xray.Configure(xray.Config{StreamingStrategy: stream, SamplingStrategy: all}); err != nil {
		return err
	}
	for range n.Requests {
		if err := request(n.Calls, late); err != nil {
			return err
		}
	}
	n.Calls *= n.Requests
	if err := json.NewEncoder(os.Stdout).Encode(n); err != nil {
		return err
	}
	select {}
}

func request(calls int, late bool) error {
	ctx, seg := xray.BeginSegment(context.Background(), "checkout")
	errs := make([]error, calls)
	var wg sync.WaitGroup
	for i := range calls {
		wg.Add(1)
		go func() {
			defer wg.Done()
			runtime.Gosched()
			errs[i] = xray.Capture(ctx, "work", func(ctx context.Context) error {
				_, call := xray.BeginSubsegment(ctx, "store")
				if call == nil {
					return fmt.Errorf("call %d has no subsegment", i)
				}
				call.Lock()
				call.Namespace = "remote"
				call.Unlock()
				call.Close(nil)
				return nil
			})
		}()
	}
	if late {
		seg.Close(nil)
		wg.Wait()
	} else {
		wg.Wait()
		seg.Close(nil)
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
