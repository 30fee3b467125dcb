package insights_test

import (
	"context"
	"fmt"

	"github.com/sidelight-dev/sidelight/internal/insights"
)

func Example() {
	rows := insights.Rows{
		{Time: 1_000, Log: "1:/app", Message: []byte(`{"level":"error","ms":120}`)},
		{Time: 2_000, Log: "1:/app", Message: []byte(`{"level":"info","ms":8}`)},
		{Time: 3_000, Log: "1:/app", Message: []byte(`{"level":"error","ms":80}`)},
	}
	q, err := insights.Parse(`filter level = "error" | stats count(*) as n, avg(ms) by bin(1m)`)
	if err != nil {
		fmt.Println(err)
		return
	}
	res, err := q.Run(context.Background(), rows, insights.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(res.Rows[0])
	fmt.Println(res.Statistics.RecordsMatched, "of", res.Statistics.RecordsScanned)
	// Output:
	// [{bin(1m) 1970-01-01 00:00:00.000} {n 2} {avg(ms) 100}]
	// 2 of 3
}
