package xray

import (
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/xray/filterexpr"
	"github.com/sidelight-dev/sidelight/internal/segment"
)

// view makes the trace as filter expressions see it.
func (a *anatomy) view() filterexpr.Trace {
	var t filterexpr.Trace
	for _, tree := range a.trees {
		if !tree.Top.Subsegment() {
			t.Segments = append(t.Segments, a.viewSegment(tree))
		}
	}
	for _, d := range a.inferred {
		item := itemView(d)
		item.Inferred = true
		item.Names, item.Types = []string{keyOf(d).name}, []string{keyOf(d).typ}
		t.Segments = append(t.Segments, filterexpr.Segment{ID: a.viewID(d), Item: item})
	}
	for _, c := range a.calls() {
		t.Calls = append(t.Calls, a.viewCall(c))
	}
	t.Item = a.viewWhole()
	for _, s := range t.Segments {
		t.Inferred = t.Inferred || s.Inferred
		t.Names = addAll(t.Names, s.Names)
		t.Types = addAll(t.Types, s.Types)
		t.Messages = addAll(t.Messages, s.Messages)
	}
	return t
}

// viewWhole is the trace's own item: the outcome and request of its entry, and
// what its documents hold together.
func (a *anatomy) viewWhole() filterexpr.Item {
	var i filterexpr.Item
	if a.entry != nil {
		i = itemView(a.entry.Top)
		i.Root = a.entry.Top.ParentID == ""
	}
	start, end, partial := a.span()
	i.Partial = partial
	if end != 0 {
		i.Duration = segment.Between(start, end)
	}
	i.Zones, i.Instances, i.ARNs = a.resources()
	i.Users = nil
	for _, u := range a.users() {
		i.Users = append(i.Users, *u.UserName)
	}
	i.Annotations = map[string][]any{}
	for key, values := range a.annotations() {
		for _, v := range values {
			i.Annotations[key] = append(i.Annotations[key], plainValue(v.AnnotationValue))
		}
	}
	return i
}

// viewSegment is one service's part: its segment and everything in it.
func (a *anatomy) viewSegment(tree *segment.Tree) filterexpr.Segment {
	top := tree.Top
	item := itemView(top)
	item.Root = top.ParentID == ""
	item.Names, item.Types = []string{top.Name}, addText(nil, top.Origin)
	item.Users, item.ARNs = addText(nil, top.User), addText(nil, top.ResourceARN)
	if top.AWS != nil {
		item.Zones = addText(addText(nil, top.AWS.EC2.AvailabilityZone), top.AWS.ECS.AvailabilityZone)
		item.Instances = addText(nil, top.AWS.EC2.InstanceID)
	}
	item.Annotations = map[string][]any{}
	tree.Walk(func(d, _ *segment.Document) {
		item.Partial = item.Partial || !d.Done()
		if top.Done() {
			item.Duration = max(item.Duration, segment.Between(top.StartTime, d.EndTime))
		}
		for key, v := range d.Annotations {
			if annotationValue(v.V) != nil && segment.IndexableKey(key) {
				item.Annotations[key] = append(item.Annotations[key], v.V)
			}
		}
		if d.Cause == nil {
			return
		}
		for _, e := range d.Cause.Exceptions {
			item.Names = addText(item.Names, e.Type)
			item.Messages = addText(item.Messages, e.Message)
		}
	})
	return filterexpr.Segment{ID: a.viewID(top), Item: item}
}

func (a *anatomy) viewCall(c call) filterexpr.Call {
	i := filterexpr.Item{Fault: c.fault, Error: c.error, Throttle: c.throttle, Partial: !c.done()}
	i.OK = c.done() && !i.Fault && !i.Error && !i.Throttle
	if c.done() {
		i.ResponseTime, i.Duration = c.seconds(), c.seconds()
	}
	id := func(k nodeKey) filterexpr.ID { return filterexpr.ID{Name: k.name, Type: k.typ, Account: a.account} }
	return filterexpr.Call{From: id(c.from), To: id(c.to), Item: i}
}

func (a *anatomy) viewID(d *segment.Document) filterexpr.ID {
	k := keyOf(d)
	return filterexpr.ID{Name: k.name, Type: k.typ, Account: a.accountOf(d)}
}

// itemView holds what a document says of itself.
func itemView(d *segment.Document) filterexpr.Item {
	i := filterexpr.Item{
		Fault: d.Fault, Error: d.Error, Throttle: d.Throttle, Partial: !d.Done(),
		OK:           d.Done() && !d.Fault && !d.Error && !d.Throttle,
		ResponseTime: d.Seconds(), Duration: d.Seconds(),
	}
	if h := httpOf(d); h != nil {
		i.HTTP = viewHTTP(h)
	}
	return i
}

func viewHTTP(h *types.Http) filterexpr.HTTP {
	text := func(p *string) string {
		if p == nil {
			return ""
		}
		return *p
	}
	v := filterexpr.HTTP{URL: text(h.HttpURL), Method: text(h.HttpMethod), UserAgent: text(h.UserAgent), ClientIP: text(h.ClientIp)}
	if h.HttpStatus != nil {
		v.Status = int64(*h.HttpStatus)
	}
	return v
}

func addAll(list, more []string) []string {
	for _, s := range more {
		list = addText(list, s)
	}
	return list
}
