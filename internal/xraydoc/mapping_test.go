package xraydoc_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/xraydoc"
)

const paper = "../../docs/format/otlp-to-xray.md"

// proofs says for each row of each table of the paper which golden file shows
// it, where in the file, and what stands there: "case document.path = value". An
// absent member is "-", one of any value "*".
var proofs = map[string][]string{
	"without a parent, or of kind SERVER or CONSUMER": {
		"kind_root_client 0.type = -", "kind_root_internal 0.type = -", "kind_child_server 0.type = -", "kind_child_consumer 0.type = -",
	},
	"any other": {"kind_child_client 0.type = subsegment", "kind_child_internal 0.type = subsegment", "kind_child_producer 0.type = subsegment"},
	"`aws.span.kind=LOCAL_ROOT`, of kind SERVER or INTERNAL": {"local_root_server 0.type = -", "local_root_internal 0.type = -", "local_root_internal 0.namespace = -"},
	"`aws.span.kind=LOCAL_ROOT`, of kind CLIENT, PRODUCER or CONSUMER": {
		"local_root_client 0.type = subsegment", "local_root_client 0.parent_id = e8835a0063aa9b6f", "local_root_client 1.id = e8835a0063aa9b6f",
		"local_root_client 1.type = -", "local_root_client 1.name = svc", "local_root_client 1.aws.operation = -", "local_root_client 1.links = -",
		"local_root_consumer 1.links.0.id = *", "local_root_consumer 0.links = -", "local_root_left_out 1.metadata.default.remoteTarget = -",
	},
	"`aws.xray.inprogress=true`": {"in_progress 0.in_progress = true", "in_progress 0.end_time = -", "annotations_control_types 0.metadata.default.aws\\.xray\\.inprogress = yes"},

	"`id`, `parent_id`, `trace_id`": {
		"user 0.id = 53995c3f42cd8ad8", "user 0.parent_id = 70de5b6f19ff9a0a", "user 0.trace_id = 1-5759e988-bd862e3fe1be46a994272793",
		"kind_root_internal 0.parent_id = -",
	},
	"`start_time`, `end_time`": {"user 0.start_time = 1478293361.271000", "user 0.end_time = 1478293361.449123"},
	"`name`": {
		"name_local_service 0.name = *", "name_remote_service 0.name = *", "name_peer_service 0.name = *", "name_aws_service 0.name = *",
		"name_database 0.name = *", "name_database_stable 0.name = orders", "kind_child_server 0.name = *", "name_rpc_service 0.name = *",
		"rpc_stable 0.name = shop.Cart", "name_http_host 0.name = *", "http_client_url 0.name = api.example.com", "name_server_address 0.name = *",
		"sql_redis_stays 0.name = cache", "messaging_producer 0.name = send orders",
	},
	"characters of names": {"name_sanitised 0.name = GET script quoted  漢字 id é  ", "name_sanitised_from_attribute 0.name = *", "name_cut 0.name = *", "name_nothing_left 0.name = span"},
	"`namespace`": {
		"aws_stable 0.namespace = aws", "aws_sqs 0.namespace = aws", "name_aws_service 0.namespace = aws", "kind_child_client 0.namespace = remote",
		"kind_child_producer 0.namespace = remote", "kind_child_internal 0.namespace = -", "kind_child_server 0.namespace = -",
	},
	"`origin`": {
		"origin_app_runner 0.origin = AWS::AppRunner::Service", "origin_beanstalk 0.origin = AWS::ElasticBeanstalk::Environment",
		"origin_ec2 0.origin = AWS::EC2::Instance", "origin_ecs_ec2 0.origin = AWS::ECS::EC2", "origin_ecs_fargate 0.origin = AWS::ECS::Fargate",
		"origin_ecs_other 0.origin = AWS::ECS::Container", "origin_eks 0.origin = AWS::EKS::Container", "origin_elsewhere 0.origin = -",
		"origin_not_on_subsegments 0.origin = -",
	},
	"`service.version`": {"version_of_service 0.service.version = 1.4.2", "version_from_tags 0.service.version = *", "version_from_image_tag 0.service.version = v7"},
	"`user`":            {"user 0.user = u1", "user 0.metadata = -"},
	"`links`":           {"links 0.links.0.trace_id = *", "links_many 0.links.19.id = *", "links_many 0.links.20 = -"},

	"`http`": {"http_server_old 0.http.request.method = *", "http_server_stable 0.http.request.method = *", "not_http_keeps_peer 0.http = -"},
	"`method`": {
		"http_client_url 0.http.request.method = PUT", "http_client_stable 0.http.request.method = *",
	},
	"`url` of a server": {
		"http_server_old 0.http.request.url = *", "http_server_stable 0.http.request.url = http://example.com:8080/a?b=c",
		"http_server_name 0.http.request.url = https://shop.example.com:8443/a", "http_server_net_host 0.http.request.url = http://10.1.2.3/a",
	},
	"`url` of others": {
		"http_client_old 0.http.request.url = *", "http_client_stable 0.http.request.url = *",
		"http_client_url 0.http.request.url = https://api.example.com/x?y=1", "http_client_server_address 0.http.request.url = *",
	},
	"`user_agent`": {"http_server_old 0.http.request.user_agent = *", "http_server_stable 0.http.request.user_agent = curl/8"},
	"`client_ip`, `x_forwarded_for`": {
		"http_server_stable 0.http.request.client_ip = 203.0.113.9", "http_server_stable 0.http.request.x_forwarded_for = true",
		"http_server_peer 0.http.request.x_forwarded_for = -", "http_sock_peer 0.http.request.client_ip = 198.51.100.7",
		"http_client_stable 0.http.request.client_ip = -",
	},
	"`status`": {"http_server_stable 0.http.response.status = 201", "http_client_url 0.http.response.status = 204", "http_wrong_types 0.http.response.status = -"},
	"`content_length`": {
		"http_response_length_old 0.http.response.content_length = 1234", "http_response_size_stable 0.http.response.content_length = 4321",
		"http_content_length 0.http.response.content_length = *", "http_server_stable 0.http.response.content_length = 0",
	},

	"HTTP status 400 to 499":                {"http_status_404_unset 0.error = true", "http_status_404_unset 0.fault = false", "http_status_wins 0.error = true"},
	"HTTP status 429":                       {"http_status_429 0.error = true", "http_status_429 0.throttle = true"},
	"HTTP status 500 to 599":                {"http_status_503 0.fault = true", "http_status_503 0.error = false"},
	"status ERROR, and no such HTTP status": {"status_error_alone 0.fault = true", "rpc_failed 0.fault = true"},
	"`exception` events": {
		"exceptions_two 0.cause.exceptions.1.message = two", "exceptions_two 0.fault = false", "exception_no_stack 0.cause.exceptions.0.remote = true",
		"exception_other_language 0.metadata.otel.events.0.attributes.exception\\.stacktrace = *",
	},
	"a stack of Go, Java, Python, JavaScript, .NET or PHP": {
		"exception_go 0.cause.exceptions.0.stack.0.path = *", "stack_java 0.cause.exceptions.0.stack.0.label = *",
		"stack_java_caused 0.cause.exceptions.0.cause = *", "stack_java_chain 0.cause.exceptions.2.type = *",
		"stack_python 0.cause.exceptions.1.stack.0.line = *", "stack_javascript 0.cause.exceptions.0.stack.0.line = *",
		"stack_dotnet 0.cause.exceptions.0.stack.0.label = *", "stack_php 0.cause.exceptions.0.stack.0.path = cart.php",
	},
	"`HTTP request failure` events of AWS calls": {"aws_http_failure 0.cause.exceptions.0.type = aws.http.error.event"},
	"a status message › `http.status_text`, and no exception": {
		"status_error_message 0.cause.exceptions.0.message = *", "http_status_text 0.cause.exceptions.0.message = Bad Gateway",
		"status_error_type 0.cause.exceptions.0.type = timeout", "status_error_type_code 0.cause = -", "status_message_without 0.cause = -",
		"rpc_failed 0.cause.exceptions.0.type = UNAVAILABLE",
	},

	"`aws`":        {"aws_elsewhere 0.aws = -", "user 0.aws.xray.auto_instrumentation = false"},
	"`operation`":  {"aws_dynamodb 0.aws.operation = *", "aws_stable 0.aws.operation = SendMessage", "rpc_old 0.aws.operation = Add", "rpc_stable 0.aws.operation = Add"},
	"`account_id`": {"aws_queue_url_dotted 0.aws.account_id = 123456789012", "aws_account_resource 0.aws.account_id = 123456789012"},
	"`region`":     {"aws_dynamodb 0.aws.region = *", "aws_stable 0.aws.region = eu-west-1", "aws_elsewhere 0.metadata.default.cloud\\.region = europe-west1"},
	"`request_id`, `id_2`": {
		"aws_stable 0.aws.request_id = R", "aws_queue_url 0.aws.request_id = R2", "aws_sns 0.aws.request_id = R3",
		"aws_stable 0.aws.id_2 = X", "aws_sns 0.aws.id_2 = X3",
	},
	"`queue_url`, `topic_arn`": {
		"aws_sqs 0.aws.queue_url = https://sqs/q", "aws_queue_url 0.aws.queue_url = https://sqs/one", "aws_queue_url_dotted 0.aws.queue_url = https://sqs/two",
		"aws_stable 0.aws.queue_url = https://sqs/q", "aws_sns 0.aws.topic_arn = arn:aws:sns:eu-west-1:1:t",
	},
	"`table_name`, `table_names`": {
		"aws_dynamodb 0.aws.table_name = *", "aws_dynamodb_one_table 0.aws.table_name = *", "aws_dynamodb_tables 0.aws.table_names.1 = *",
		"aws_table_dotted 0.aws.table_name = orders",
	},
	"`ec2`, `ecs`, `elastic_beanstalk`, `eks`": {
		"origin_ec2 0.aws.ec2.instance_id = *", "origin_ecs_fargate 0.aws.ecs.launch_type = fargate", "origin_beanstalk 0.aws.elastic_beanstalk.deployment_id = *",
		"origin_eks 0.aws.eks = *", "eks_by_cluster 0.aws.eks.pod = p",
	},
	"`cloudwatch_logs`": {
		"log_groups_arns 0.aws.cloudwatch_logs.0.arn = *", "log_groups_names 0.aws.cloudwatch_logs.0.log_group = *", "log_groups_config 0.aws.cloudwatch_logs.0.log_group = *",
	},
	"`xray`": {"sdk 0.aws.xray.sdk = opentelemetry for java", "sdk 0.aws.xray.sdk_version = 1.2", "sdk 0.aws.xray.auto_instrumentation = true"},

	"`sql`": {"sql_redis_stays 0.sql = -", "sql_redis_stays 0.metadata.default.db\\.statement = GET k", "sql_stable 0.sql.database_type = *"},
	"`url`, `sanitized_query`, `user`, `database_type`": {
		"sql_old 0.sql.url = SELECT orders", "sql_old 0.sql.sanitized_query = *", "sql_old 0.sql.user = *", "sql_old 0.sql.database_type = *", "sql_stable 0.sql.sanitized_query = *",
	},
	"`connection_string`": {"sql_old 0.sql.connection_string = *", "sql_stable 0.sql.connection_string = *", "sql_local 0.sql.connection_string = *"},

	"indexed attributes": {
		"annotations_config 0.annotations = *", "annotations_span 0.annotations = *", "annotations_all 0.annotations = *",
		"gen_ai_stable 0.annotations.gen_ai\\.usage\\.input_tokens = 100", "annotations_control_types 0.metadata.default.aws\\.xray\\.annotations = tenant",
	},
	"attributes of the resource": {
		"resource_on_segments_only 0.metadata = -", "resource_indexed 0.annotations.otel\\.resource\\.team = red",
		"resource_indexed 0.metadata.default.otel\\.resource\\.service\\.name = shop",
	},
	"`aws.xray.metadata.<ns>`": {"metadata_namespaces 0.metadata = *"},
	"all other attributes": {
		"metadata_types 0.metadata.default = *", "messaging_producer 0.metadata.default.messaging\\.destination\\.name = orders",
		"gen_ai_old 0.metadata.default.gen_ai\\.system = openai", "gen_ai_stable 0.metadata.default.gen_ai\\.provider\\.name = aws.bedrock",
	},
	"the span's name, if the document has another": {"messaging_consumer 0.name = billing", "messaging_consumer 0.metadata.otel.name = process orders", "sql_old 0.metadata.otel = -"},
	"span events": {"events_kept 0.metadata.otel.events.0.name = *", "gen_ai_old 0.metadata.otel.events.0.attributes.content = hi"},
	"links beyond 20, and those without valid ids": {"links_many 0.metadata.otel.links.2.id = *", "links_many 0.metadata.otel.links.3.attributes.why = no ids"},
	"a status message beside exceptions":           {"status_message_kept 0.metadata.otel.status_message = cart is locked", "status_message_told 0.metadata.otel.status_message = -"},
	"what the sender says it dropped":              {"dropped_counts 0.metadata.otel.dropped.attributes = 3", "dropped_counts 0.metadata.otel.dropped.links = 1"},
	"texts over 250 bytes where X-Ray takes 250 characters": {
		"http_url_long 0.http.request.url = *", "http_url_long 0.metadata.default.url\\.full = *", "http_url_long_parts 0.metadata.default.url\\.path = *",
		"http_user_agent_long 0.metadata.default.user_agent\\.original = *", "user_long 0.metadata.default.enduser\\.id = *",
	},

	"Name":                            {"name_sanitised_from_attribute 0.name = *", "name_cut 0.name = *"},
	"Name of a segment":               {"messaging_consumer 0.name = billing", "local_root_internal 0.name = *"},
	"The span's name":                 {"kind_child_server 0.metadata.otel.name = op"},
	"Client's URL and name":           {"http_client_server_address 0.http.request.url = *", "name_server_address 0.name = *"},
	"AWS calls":                       {"aws_stable 0.namespace = aws", "aws_sns 0.aws.topic_arn = *"},
	"gRPC by the stable conventions":  {"rpc_stable 0.name = shop.Cart", "rpc_stable 0.metadata.default.rpc\\.method = shop.Cart/Add"},
	"`content_length` of an answer":   {"http_response_size_stable 0.http.response.content_length = 4321"},
	"`error.type`":                    {"status_error_type 0.cause.exceptions.0.type = timeout"},
	"Databases":                       {"sql_stable 0.sql.connection_string = *"},
	"Password in a connection string": {"sql_old 0.sql.connection_string = postgresql://app:******@db:5432/orders"},
	"`client_ip` of a client's span":  {"http_client_stable 0.http.request.client_ip = -"},
	"Links beyond 20, status messages beside exceptions, counts of what was dropped": {"links_many 0.metadata.otel.links.0.id = *"},
	"Texts over 250 characters in `http`, `user`":                                    {"user_long 0.user = *"},
	"Attributes of the wrong type":                                                   {"http_wrong_types 0.metadata.default.http\\.url = 17", "http_wrong_types 0.metadata.default.user_agent\\.original.0 = a"},
	"Two attributes that become one key of an annotation":                            {"annotations_same_key 0.annotations.a_b = first", "annotations_same_key 0.metadata.default.a_b = second"},
	"Span events": {"events_kept 0.metadata.otel.events.0.name = *"},
	"Stack in a language that is not parsed, or with more than its frames say": {"exception_other_language 0.metadata.otel.events.0.attributes.exception\\.stacktrace = *"},
	"Chained causes": {"stack_dotnet 0.cause.exceptions.0 = *", "stack_java_chain 0.cause.exceptions.1.id = *"},
	"Attribute that is to be indexed but cannot be (list, map, longer than 1,000 characters, the 51st)": {
		"annotations_unfit 0.annotations = -", "annotations_unfit 0.metadata.default.list.0 = a", "annotations_unfit 0.metadata.default.long = *",
	},
	"Attributes of HTTP on a span that is not about HTTP":         {"not_http_keeps_peer 0.metadata.default = *"},
	"Ids of exceptions, and of the second document of LOCAL_ROOT": {"local_root_client 1.id = e8835a0063aa9b6f"},
}

// elsewhere are rows that a test other than the golden files shows.
var elsewhere = map[string]string{
	"an attribute that comes twice":            "TestOdd",
	"Document over 64 KB":                      "TestTrim",
	"Trace id that does not begin with a time": "TestOdd",
	"Empty span or trace id":                   "TestInvalidIDs",
}

// TestRows fails if the paper has a row that no golden file shows, or if the
// table above has one that the paper does not have, or that is wrong.
func TestRows(t *testing.T) {
	rows := rowsOf(t, paper)
	for _, row := range rows {
		if len(proofs[row]) == 0 && elsewhere[row] == "" {
			t.Errorf("%q has no case", row)
		}
	}
	for row, list := range proofs {
		if !slices.Contains(rows, row) {
			t.Errorf("%q is no row of %s", row, paper)
		}
		for _, p := range list {
			if err := prove(t, p); err != nil {
				t.Errorf("%s: %s: %v", row, p, err)
			}
		}
	}
}

// rowsOf returns the first cells of all tables of a paper in Markdown, but for
// their headings.
func rowsOf(t *testing.T, file string) (rows []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || i+1 < len(lines) && strings.HasPrefix(lines[i+1], "|---") {
			continue
		}
		rows = append(rows, strings.TrimSpace(strings.Split(line, "|")[1]))
	}
	if len(rows) < 70 {
		t.Fatalf("%d rows in %s", len(rows), file)
	}
	return rows
}

var proofForm = regexp.MustCompile(`^(\w+) (\d)\.(\S+) = (.*)$`)

func prove(t *testing.T, proof string) error {
	t.Helper()
	m := proofForm.FindStringSubmatch(proof)
	if m == nil {
		return fmt.Errorf("not of the form case document.path = value")
	}
	at, err := strconv.Atoi(m[2])
	if err != nil {
		return err
	}
	docs, err := goldenDocs(m[1])
	if err != nil {
		return err
	}
	if at >= len(docs) {
		return fmt.Errorf("%d documents", len(docs))
	}
	got, found := follow(docs[at], m[3])
	switch want := m[4]; {
	case want == "-" && found:
		return fmt.Errorf("there is %v", got)
	case want != "-" && !found:
		return fmt.Errorf("not there")
	case want != "-" && want != "*" && fmt.Sprint(got) != want:
		return fmt.Errorf("got %v", got)
	}
	return nil
}

func goldenDocs(name string) (docs []any, err error) {
	text, err := os.ReadFile(filepath.Join("testdata/cases", name+".golden"))
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	for dec.More() {
		var doc any
		if err := dec.Decode(&doc); err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
	return docs, nil
}

// follow walks a path of members and indexes with dots between. A dot in a name
// has a backslash before it.
func follow(v any, path string) (any, bool) {
	const dot = "\x00"
	for part := range strings.SplitSeq(strings.ReplaceAll(path, `\.`, dot), ".") {
		part = strings.ReplaceAll(part, dot, ".")
		switch x := v.(type) {
		case map[string]any:
			next, ok := x[part]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(x) {
				return nil, false
			}
			v = x[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// TestNames fails if translation knows an attribute that no case has.
func TestNames(t *testing.T) {
	files, err := filepath.Glob("testdata/cases/*.json")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`"([^"\\]+)": `).FindAllSubmatch(text, -1) {
			used[string(m[1])] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(xraydoc.Names())) {
		if !used[name] {
			t.Errorf("no case has the attribute %s", name)
		}
	}
}
