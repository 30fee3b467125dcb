package xray_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	sandboxxray "github.com/sidelight-dev/sidelight/internal/sandbox/xray"
)

func TestGroups(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	ctx := api.WithCaller(t.Context(), api.Caller{Account: "111122223333", Region: "eu-west-1"})
	made, err := s.CreateGroup(ctx, &xray.CreateGroupInput{
		GroupName: aws.String("slow"), FilterExpression: aws.String("responsetime > 5"),
		InsightsConfiguration: &types.InsightsConfiguration{InsightsEnabled: aws.Bool(true)},
		Tags:                  []types.Tag{{Key: aws.String("team"), Value: aws.String("shop")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	arn := *made.Group.GroupARN
	if !strings.HasPrefix(arn, "arn:aws:xray:eu-west-1:111122223333:group/slow/") || len(arn) != len("arn:aws:xray:eu-west-1:111122223333:group/slow/")+52 {
		t.Errorf("ARN = %s", arn)
	}
	changed, err := s.UpdateGroup(ctx, &xray.UpdateGroupInput{
		GroupARN: &arn, FilterExpression: aws.String("responsetime > 9"),
		InsightsConfiguration: &types.InsightsConfiguration{NotificationsEnabled: aws.Bool(true)},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := types.Group{
		GroupName: aws.String("slow"), GroupARN: &arn, FilterExpression: aws.String("responsetime > 9"),
		InsightsConfiguration: &types.InsightsConfiguration{InsightsEnabled: aws.Bool(true), NotificationsEnabled: aws.Bool(true)},
	}
	if got, want := groupLine(types.GroupSummary(*changed.Group)), groupLine(types.GroupSummary(want)); got != want {
		t.Errorf("updated group = %s, want %s", got, want)
	}
	got, err := s.GetGroup(ctx, &xray.GetGroupInput{GroupName: aws.String("slow")})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := groupLine(types.GroupSummary(*got.Group)), groupLine(types.GroupSummary(want)); got != want {
		t.Errorf("group = %s, want %s", got, want)
	}
	if got := *made.Group.FilterExpression; got != "responsetime > 5" {
		t.Errorf("an answer given before has changed: %s", got)
	}
	all, err := s.GetGroups(ctx, &xray.GetGroupsInput{})
	if err != nil {
		t.Fatal(err)
	}
	if len(all.Groups) != 2 || *all.Groups[0].GroupName != "Default" || groupLine(all.Groups[1]) != groupLine(types.GroupSummary(want)) {
		t.Errorf("groups = %v", all.Groups)
	}
	if _, err := s.DeleteGroup(ctx, &xray.DeleteGroupInput{GroupARN: &arn}); err != nil {
		t.Fatal(err)
	}
	_, err = s.GetGroup(ctx, &xray.GetGroupInput{GroupARN: &arn})
	wantError(t, err, "InvalidRequestException", "no such group")
}

func groupLine(g types.GroupSummary) string {
	return fmt.Sprint(*g.GroupName, " ", *g.GroupARN, " ", aws.ToString(g.FilterExpression), " ",
		*g.InsightsConfiguration.InsightsEnabled, " ", *g.InsightsConfiguration.NotificationsEnabled)
}

func TestDefaultGroup(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	name := aws.String("Default")
	out, err := s.UpdateGroup(t.Context(), &xray.UpdateGroupInput{GroupName: name, InsightsConfiguration: &types.InsightsConfiguration{InsightsEnabled: aws.Bool(true)}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.GetGroup(t.Context(), &xray.GetGroupInput{GroupName: name})
	if err != nil {
		t.Fatal(err)
	}
	want := "Default arn:aws:xray:us-east-1:000000000000:group/Default  true false"
	if groupLine(types.GroupSummary(*out.Group)) != want || groupLine(types.GroupSummary(*got.Group)) != want {
		t.Errorf("default group = %s, want %s", groupLine(types.GroupSummary(*got.Group)), want)
	}
	_, err = s.UpdateGroup(t.Context(), &xray.UpdateGroupInput{GroupName: name, FilterExpression: aws.String("ok")})
	wantError(t, err, "InvalidRequestException", "no filter expression")
	_, err = s.DeleteGroup(t.Context(), &xray.DeleteGroupInput{GroupName: name})
	wantError(t, err, "InvalidRequestException", "cannot be deleted")
}

func TestGroupErrors(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	create := func(name, filter string) error {
		_, err := s.CreateGroup(t.Context(), &xray.CreateGroupInput{GroupName: &name, FilterExpression: &filter})
		return err
	}
	for i := range 25 {
		if err := create(fmt.Sprintf("g%d", i), ""); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, create("g0", ""), "InvalidRequestException", "exists already")
	wantError(t, create("more", ""), "InvalidRequestException", "quota of 25")
	wantError(t, create("Default", ""), "InvalidRequestException", "reserved")
	wantError(t, create("", ""), "InvalidRequestException", "1 to 32")
	wantError(t, create(strings.Repeat("x", 33), ""), "InvalidRequestException", "1 to 32")
	wantError(t, create("x", "fault AND"), "InvalidRequestException", "position 10")
	wantError(t, create("x", `group.name = "g0"`), "InvalidRequestException", "cannot be used here")
	_, err := s.CreateGroup(t.Context(), &xray.CreateGroupInput{GroupName: aws.String("x"), InsightsConfiguration: &types.InsightsConfiguration{NotificationsEnabled: aws.Bool(true)}})
	wantError(t, err, "InvalidRequestException", "needs InsightsEnabled")
	_, err = s.GetGroup(t.Context(), &xray.GetGroupInput{})
	wantError(t, err, "InvalidRequestException", "either GroupName or GroupARN")
	_, err = s.GetGroup(t.Context(), &xray.GetGroupInput{GroupName: aws.String("a"), GroupARN: aws.String("b")})
	wantError(t, err, "InvalidRequestException", "either GroupName or GroupARN")
	_, err = s.UpdateGroup(t.Context(), &xray.UpdateGroupInput{GroupName: aws.String("none")})
	wantError(t, err, "InvalidRequestException", "no such group")
	_, err = s.UpdateGroup(t.Context(), &xray.UpdateGroupInput{GroupName: aws.String("g0"), FilterExpression: aws.String("(")})
	wantError(t, err, "InvalidRequestException", "position 2")
	_, err = s.DeleteGroup(t.Context(), &xray.DeleteGroupInput{GroupName: aws.String("none")})
	wantError(t, err, "InvalidRequestException", "no such group")
}

func TestTags(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	g, err := s.CreateGroup(t.Context(), &xray.CreateGroupInput{GroupName: aws.String("g"), Tags: tagList("a", "1")})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.CreateSamplingRule(t.Context(), &xray.CreateSamplingRuleInput{SamplingRule: samplingRule("r", 1), Tags: tagList("b", "2")})
	if err != nil {
		t.Fatal(err)
	}
	arns := []*string{g.Group.GroupARN, r.SamplingRuleRecord.SamplingRule.RuleARN}
	for i, want := range []string{"a=1 c=3", "b=2 c=3"} {
		if _, err := s.TagResource(t.Context(), &xray.TagResourceInput{ResourceARN: arns[i], Tags: append(tagList("c", "3"), tagList("d", "4")...)}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.UntagResource(t.Context(), &xray.UntagResourceInput{ResourceARN: arns[i], TagKeys: []string{"d", "none"}}); err != nil {
			t.Fatal(err)
		}
		out, err := s.ListTagsForResource(t.Context(), &xray.ListTagsForResourceInput{ResourceARN: arns[i]})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, tag := range out.Tags {
			got = append(got, *tag.Key+"="+*tag.Value)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("tags of %s = %v, want %s", *arns[i], got, want)
		}
	}
	want := []sandboxxray.TaggedResource{
		{ARN: *arns[0], Tags: map[string]string{"a": "1", "c": "3"}}, {ARN: *arns[1], Tags: map[string]string{"b": "2", "c": "3"}},
	}
	if diff := cmp.Diff(want, s.TaggedResources()); diff != "" {
		t.Errorf("tagged resources (-want +got):\n%s", diff)
	}
}

func tagList(k, v string) []types.Tag { return []types.Tag{{Key: &k, Value: &v}} }

func TestTagErrors(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	g, err := s.CreateGroup(t.Context(), &xray.CreateGroupInput{GroupName: aws.String("g")})
	if err != nil {
		t.Fatal(err)
	}
	tag := func(tags []types.Tag) error {
		_, err := s.TagResource(t.Context(), &xray.TagResourceInput{ResourceARN: g.Group.GroupARN, Tags: tags})
		return err
	}
	var many []types.Tag
	for i := range 51 {
		many = append(many, tagList(fmt.Sprint(i), "")...)
	}
	wantError(t, tag(many), "TooManyTagsException", "50")
	if err := tag(many[:50]); err != nil {
		t.Error(err)
	}
	wantError(t, tag(tagList("", "")), "InvalidRequestException", "1 to 128")
	wantError(t, tag(tagList("k", strings.Repeat("v", 257))), "InvalidRequestException", "at most 256")
	wantError(t, tag(tagList("AWS:x", "")), "InvalidRequestException", "reserved")
	_, err = s.ListTagsForResource(t.Context(), &xray.ListTagsForResourceInput{ResourceARN: aws.String("arn:aws:xray:x")})
	wantError(t, err, "ResourceNotFoundException", "arn:aws:xray:x")
	if e := err.(*api.Error); e.Status != 404 {
		t.Errorf("status = %d, want 404", e.Status)
	}
	_, err = s.UntagResource(t.Context(), &xray.UntagResourceInput{})
	wantError(t, err, "InvalidRequestException", "ResourceARN")
}

func TestSettings(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	check := func(want string) {
		t.Helper()
		out, err := s.GetEncryptionConfig(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		c := out.EncryptionConfig
		if got := fmt.Sprint(c.Type, " ", aws.ToString(c.KeyId), " ", c.Status); got != want {
			t.Errorf("encryption = %s, want %s", got, want)
		}
	}
	check("NONE  ACTIVE")
	if _, err := s.PutEncryptionConfig(t.Context(), &xray.PutEncryptionConfigInput{Type: "KMS", KeyId: aws.String("alias/k")}); err != nil {
		t.Fatal(err)
	}
	check("KMS alias/k ACTIVE")
	for text, in := range map[string]*xray.PutEncryptionConfigInput{
		"needs a KeyId": {Type: "KMS"}, "takes no KeyId": {Type: "NONE", KeyId: aws.String("k")}, "NONE or KMS": {Type: "x"},
	} {
		_, err := s.PutEncryptionConfig(t.Context(), in)
		wantError(t, err, "InvalidRequestException", text)
	}
	check("KMS alias/k ACTIVE")
	s.Reset()
	check("NONE  ACTIVE")
	d, err := s.GetTraceSegmentDestination(t.Context(), nil)
	if err != nil || d.Destination != types.TraceSegmentDestinationXRay || d.Status != types.TraceSegmentDestinationStatusActive {
		t.Errorf("destination = %+v, %v", d, err)
	}
}
