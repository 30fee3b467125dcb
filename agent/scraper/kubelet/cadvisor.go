package kubelet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/scraper"
	"github.com/sidelight-dev/sidelight/internal/promtext"
)

const (
	// longestLine bounds a line of the exposition, in bytes: a control group's
	// path, an image and the names have some hundreds.
	longestLine = 16 << 10
	// maxExposition bounds the whole, in bytes. It is read line by line and
	// never held; hundreds of containers have some MB.
	maxExposition = 128 << 20
)

// cadvisor reads what the kubelet's cAdvisor knows beyond /stats/summary.
type cadvisor struct {
	lines  *promtext.Lines
	tables CAdvisorTables

	node             *scraper.Thing
	pods, containers *scraper.Things
}

func newCAdvisor(names scraper.Family) *cadvisor {
	c := &cadvisor{lines: promtext.NewLines(longestLine), tables: FamilyCAdvisorTables(names)}
	c.forget()
	return c
}

// forget makes the next exposition the first: of one that is not whole the sums
// over devices may be too small, and what they grow by next too great.
func (c *cadvisor) forget() {
	c.node = scraper.NewThing(numCAdvisor, make([]string, numIDs)...)
	c.pods, c.containers = scraper.NewThings("pods of cAdvisor", numCAdvisor), scraper.NewThings("containers of cAdvisor", numCAdvisor)
}

// detail asks for what /stats/summary lacks and records it.
func (s *Scraper) detail(ctx context.Context, to sidelight.Recorder) error {
	c := s.cadvisor
	if c == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	body, err := s.ask(ctx, cadvisorPath)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := c.read(body); err != nil {
		c.forget()
		return fmt.Errorf("read the kubelet's answer of %s: %w", cadvisorPath, err)
	}
	s.writeDetail(to)
	return nil
}

// read takes the numbers out of an exposition.
func (c *cadvisor) read(from io.Reader) error {
	c.lines.Reset(&io.LimitedReader{R: from, N: maxExposition})
	for size := 0; ; {
		line, err := c.lines.Next()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if lineErr := c.line(line); lineErr != nil {
			return lineErr
		}
		if size += len(line) + 1; size >= maxExposition {
			return fmt.Errorf("it is over %d bytes", maxExposition)
		}
		if err != nil {
			return nil
		}
	}
}

// line takes one sample. Those of metrics that are not wanted are not looked at
// any further, and neither are control groups of neither the node, a pod nor a
// container.
func (c *cadvisor) line(line []byte) error {
	i := bytes.IndexByte(line, '{')
	if i < 0 || place(line[:i]) < 0 {
		return nil
	}
	x, err := promtext.Parse(line, false)
	if err != nil {
		return err
	}
	var l labelled
	if err := l.read(x.Labels); err != nil {
		return err
	}
	at := place(line[:i])
	if at == advMinorFaults {
		if at = l.fault(); at < 0 {
			return nil
		}
	}
	t := c.owner(at, &l)
	if t == nil || math.IsNaN(x.Value) || math.IsInf(x.Value, 0) {
		return nil
	}
	if x.Timed {
		t.Now[advTime] = float64(x.Time) / 1000
	}
	// There is one line for each device or interface.
	if t.Now[at] += x.Value; math.IsNaN(t.Now[at]) {
		t.Now[at] = x.Value
	}
	return nil
}

// labelled are the labels that tell whose a sample is. They borrow the line.
type labelled struct {
	id, namespace, pod, container []byte
	link, fails, scope            []byte
}

func (l *labelled) read(b []byte) error {
	for {
		name, value, rest, err := promtext.NextLabel(b)
		if err != nil || len(name) == 0 {
			return err
		}
		switch string(name) {
		case "id":
			l.id = value
		case "namespace":
			l.namespace = value
		case "pod":
			l.pod = value
		case "container":
			l.container = value
		case "interface":
			l.link = value
		case "failure_type":
			l.fails = value
		case "scope":
			l.scope = value
		}
		b = rest
	}
}

// fault returns the place of a page fault. The scope hierarchy would count it
// again.
func (l *labelled) fault() int {
	switch {
	case string(l.scope) != "container":
	case string(l.fails) == "pgfault":
		return advMinorFaults
	case string(l.fails) == "pgmajfault":
		return advMajorFaults
	}
	return -1
}

// owner returns what number i of the labels is about, nil for what is not
// measured. The sandbox of a pod, called POD by Docker and nothing by others,
// has its network; what else it uses is of no interest.
func (c *cadvisor) owner(i int, l *labelled) *scraper.Thing {
	linked := i >= advRxPackets && i <= advTxDropped
	switch {
	case linked && scraper.Virtual(l.link):
		return nil
	case string(l.id) == "/":
		return c.node
	case len(l.pod) == 0:
		return nil
	case linked:
		return c.pod(l)
	case len(l.container) == 0 || string(l.container) == "POD":
		return nil
	}
	// The group's path is new with each start, as are the counters.
	t := c.containers.Find(l.id)
	if t != nil && len(t.IDs) != numIDs {
		t.IDs = make([]string, numIDs)
		t.IDs[idNamespace], t.IDs[idPod], t.IDs[idContainer] = promtext.Unescape(l.namespace), promtext.Unescape(l.pod), promtext.Unescape(l.container)
	}
	return t
}

// pod returns the pod of l. If more than one of its groups have its network, it
// is that of the first: they share one.
func (c *cadvisor) pod(l *labelled) *scraper.Thing {
	var room [128]byte
	t := c.pods.Find(append(append(append(room[:0], l.namespace...), '/'), l.pod...))
	if t == nil {
		return nil
	}
	if len(t.IDs) != numIDs {
		t.IDs = make([]string, numIDs)
		t.IDs[idNamespace], t.IDs[idPod] = promtext.Unescape(l.namespace), promtext.Unescape(l.pod)
	}
	if t.IDs[idGroup] == string(l.id) {
		t.Now[advMine] = 1
		return t
	}
	if t.Now[advMine] == 1 {
		return nil
	}
	t.IDs[idGroup] = string(l.id)
	t.Now[advMine] = 1
	t.Forget() // another group's counters
	return t
}

// writeDetail records what was read.
func (s *Scraper) writeDetail(to sidelight.Recorder) {
	c, now := s.cadvisor, float64(time.Now().UnixMilli())/1000
	for _, things := range []*scraper.Things{c.pods, c.containers} {
		for t := range things.Seen {
			s.name(t, now)
		}
	}
	s.name(c.node, now)
	s.record(c.tables.Node, c.node, to, 0)
	c.node.Keep()
	for _, kind := range []struct {
		things *scraper.Things
		tables []scraper.Table
	}{{c.pods, c.tables.Pod}, {c.containers, c.tables.Container}} {
		for i := range kind.tables {
			kind.things.Write(&s.w, to, &kind.tables[i], 0)
		}
		kind.things.Sweep()
	}
}

// name completes the IDs of t, and makes it begin anew if its counters fell: a
// group that was made anew under the same path. now stands for a time that was
// not said.
func (s *Scraper) name(t *scraper.Thing, now float64) {
	if math.IsNaN(t.Now[advTime]) {
		t.Now[advTime] = now
	}
	t.IDs[idCluster], t.IDs[idNode] = s.node.IDs[idCluster], s.node.IDs[idNode]
	if t.IDs[idPod] != "" {
		if t.IDs[idWorkload] = t.IDs[idPod]; s.plan != nil {
			if x := s.plan.pods[t.IDs[idNamespace]+"/"+t.IDs[idPod]]; x != nil && x.workload != "" {
				t.IDs[idWorkload] = x.workload
			}
		}
	}
	if t.Fell(advPeriods) || t.Fell(advMinorFaults) || t.Fell(advRxPackets) || t.Fell(advTxPackets) {
		t.Forget()
	}
	t.Now[advIOBytes] = t.Now[advReadBytes] + t.Now[advWriteBytes]
	t.Now[advIOs] = t.Now[advReads] + t.Now[advWrites]
}
