//go:build clients

package clients_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var updateOperations = flag.Bool("update-operations", false, "rewrite the document that says which clients call which operations")

// uncallable are operations that no client gets an answer from, and why.
func uncallable() map[string]string {
	reasons := uncalled()
	delete(reasons, liveTailCase().op)
	return reasons
}

// oldClient is a client that was made before some of the operations were: its
// version, and what it lacks.
type oldClient struct {
	version string
	lacks   map[string]string
}

// oldClients are Debian's. A newer version may lack fewer operations, but no other
// ones.
func oldClients() map[string]oldClient {
	lacks := map[string]string{
		"monitoring": "PutAlarmMuteRule GetAlarmMuteRule ListAlarmMuteRules DeleteAlarmMuteRule PutLogAlarm DescribeAlarmContributors",
		"logs": `ListLogGroups PutLogGroupDeletionProtection StartLiveTail PutIndexPolicy DescribeIndexPolicies DescribeFieldIndexes
			DeleteIndexPolicy CreateLookupTable UpdateLookupTable GetLookupTable DescribeLookupTables DeleteLookupTable CreateScheduledQuery
			UpdateScheduledQuery GetScheduledQuery GetScheduledQueryHistory ListScheduledQueries DeleteScheduledQuery PutTransformer
			GetTransformer DeleteTransformer CreateLogAnomalyDetector GetLogAnomalyDetector UpdateLogAnomalyDetector DeleteLogAnomalyDetector
			ListLogAnomalyDetectors ListAnomalies PutAccountPolicy DescribeAccountPolicies DeleteAccountPolicy PutDeliverySource
			GetDeliverySource DescribeDeliverySources DeleteDeliverySource PutDeliveryDestination GetDeliveryDestination
			DescribeDeliveryDestinations DeleteDeliveryDestination PutDeliveryDestinationPolicy GetDeliveryDestinationPolicy
			DeleteDeliveryDestinationPolicy CreateDelivery GetDelivery DescribeDeliveries UpdateDeliveryConfiguration DeleteDelivery`,
		"xray": `GetTraceSegmentDestination UpdateTraceSegmentDestination GetIndexingRules UpdateIndexingRule StartTraceRetrieval
			ListRetrievedTraces GetRetrievedTracesGraph CancelTraceRetrieval`,
	}
	return map[string]oldClient{"aws-cli": {"2.9.19", lacks}, "boto3": {"1.26.27", lacks}}
}

func (o oldClient) lacksOperation(service, op string) bool {
	return slices.Contains(strings.Fields(o.lacks[service]), op)
}

// checkKnown compares what the client knows with what is said of it.
func (c *callService) checkKnown(t *testing.T, s modelService) {
	t.Helper()
	old := oldClients()[c.client]
	for _, op := range s.service.Operations() {
		switch said := old.lacksOperation(c.name, op.Name); {
		case !c.knows[op.Name] && !said:
			t.Errorf("%s %s does not know %s, so nothing calls it", c.client, c.version, op.Name)
		case c.knows[op.Name] && said && c.version == old.version:
			t.Errorf("%s %s knows %s, though it is said to be older", c.client, c.version, op.Name)
		}
	}
}

// TestOperationsDocument compares the document of the operations and the clients
// that call them with what is tested. With -update-operations it writes it.
func TestOperationsDocument(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "sandbox-operations.md")
	want := operationsDocument(t)
	if *updateOperations {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have, err := os.ReadFile(path); err != nil || string(have) != want {
		t.Errorf("%s is not what the tests do (%v): go test -tags clients -run TestOperationsDocument . -update-operations", path, err)
	}
}

func operationsDocument(t *testing.T) string {
	t.Helper()
	titles := map[string]string{
		"logs": "CloudWatch Logs", "monitoring": "CloudWatch", "xray": "X-Ray", "sts": "STS", "tagging": "Resource Groups Tagging",
	}
	old := oldClients()
	var b strings.Builder
	fmt.Fprintf(&b, `# Operations of the sandbox, and the clients that call them

Each of AWS's clients below calls each operation in the tests (test/clients), in the
protocol that it speaks: CloudWatch is called in query and XML by the AWS CLI and
boto3, in JSON by the SDK for JavaScript and in CBOR by the SDK for Go. All answers
must say the same, and so must all errors. "older" means that the client's version
does not have the operation.

The versions are AWS CLI %s and boto3 %s, as in Debian 12, and those of the SDKs for
Go and JavaScript that go.mod and package.json of the tests name.
`, old["aws-cli"].version, old["boto3"].version)
	for _, s := range modelServices(t) {
		name := s.service.Name()
		fmt.Fprintf(&b, "\n## %s\n\n| Operation | AWS CLI | boto3 | Go | JavaScript |\n|---|---|---|---|---|\n", titles[name])
		for _, op := range s.service.Operations() {
			cell := func(client string) string {
				switch {
				case old[client].lacksOperation(name, op.Name):
					return "older"
				case uncallable()[op.Name] != "":
					return "refused"
				}
				return "yes"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", op.Name, cell("aws-cli"), cell("boto3"), cell("sdk-go-v2"), cell("sdk-js-v3"))
		}
	}
	b.WriteString("\nRefused are the calls to which there is no other answer:\n\n")
	for _, op := range slices.Sorted(maps.Keys(uncallable())) {
		fmt.Fprintf(&b, "- %s: %s.\n", op, uncallable()[op])
	}
	return b.String()
}
