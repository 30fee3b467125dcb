package kubelet

import (
	"math"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/scraper"
)

// promise is what a pod or a container was promised, and how it fares.
type promise struct {
	cpuLimit, cpuRequest, memoryLimit, memoryRequest float64
	restarts, ready                                  float64
	workload                                         string
	containers                                       map[string]*promise
}

func unknown() *promise {
	nan := math.NaN()
	return &promise{nan, nan, nan, nan, nan, nan, "", nil}
}

// write comes before what may make t forget: a restart is what makes counters
// fall.
func (p *promise) write(t *scraper.Thing) {
	to := t.Now
	to[cpuLimit], to[cpuRequest], to[memoryLimit], to[memoryRequest] = p.cpuLimit, p.cpuRequest, p.memoryLimit, p.memoryRequest
	to[restarts], to[ready] = p.restarts, p.ready
	if grown := p.restarts - t.Before(restarts); grown >= 0 {
		to[newRestarts] = grown
	}
}

// plan is what /pods said, by namespace/name.
type plan struct {
	pods                        map[string]*promise
	running, runningContainers  float64
	cpuRequested, memoryRequest float64
}

func newPlan(list *podList) *plan {
	x := &plan{pods: map[string]*promise{}}
	for i := range list.Items {
		p := &list.Items[i]
		pr := p.promise()
		x.pods[p.Metadata.Namespace+"/"+p.Metadata.Name] = pr
		if p.Status.Phase != "Running" && p.Status.Phase != "Pending" {
			continue // it holds nothing any more
		}
		x.cpuRequested += pr.cpuRequest
		x.memoryRequest += pr.memoryRequest
		if p.Status.Phase == "Running" {
			x.running++
		}
		for _, s := range append(p.Status.Containers, p.Status.Init...) {
			if s.State.Running != nil {
				x.runningContainers++
			}
		}
	}
	return x
}

// promise adds up the containers that run beside each other: those of the pod
// and its sidecars. A pod has a limit only if all of them have one. What is not
// requested is none.
func (p *pod) promise() *promise {
	sum := &promise{workload: p.workload(), containers: map[string]*promise{}, ready: math.NaN()}
	add := func(c *containerSpec) {
		x := unknown()
		l, r := c.Resources.Limits, c.Resources.Requests
		x.cpuLimit, x.memoryLimit = l.CPU.or(math.NaN()), l.Memory.or(math.NaN())
		// A limit without a request is both.
		x.cpuRequest, x.memoryRequest = r.CPU.or(l.CPU.or(0)), r.Memory.or(l.Memory.or(0))
		sum.cpuLimit += x.cpuLimit
		sum.memoryLimit += x.memoryLimit
		sum.cpuRequest += x.cpuRequest
		sum.memoryRequest += x.memoryRequest
		sum.containers[c.Name] = x
	}
	for i := range p.Spec.Containers {
		add(&p.Spec.Containers[i])
	}
	for i := range p.Spec.Init {
		if p.Spec.Init[i].RestartPolicy == "Always" {
			add(&p.Spec.Init[i])
		}
	}
	for _, s := range append(p.Status.Containers, p.Status.Init...) {
		if x := sum.containers[s.Name]; x != nil {
			x.restarts, x.ready = s.Restarts, 0
			if s.Ready {
				x.ready = 1
			}
			sum.restarts += s.Restarts
		}
	}
	return sum
}

func (q quantity) or(v float64) float64 {
	if q.ok {
		return q.v
	}
	return v
}

func number(p *float64) float64 {
	if p == nil {
		return math.NaN()
	}
	return *p
}

// clock is when something was read, in seconds since year 2000: precise enough
// as a float64.
func clock(t time.Time) float64 {
	if t.IsZero() {
		return math.NaN()
	}
	return t.Sub(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).Seconds()
}

// write reads numbers of u. The rate of CPU use is the kubelet's own or, where
// it gives none, the counter's.
func (u *usage) write(t *scraper.Thing) {
	to := t.Now
	if c := u.CPU; c != nil {
		to[cpuCores], to[cpuTime], to[cpuClock] = number(c.Nano)/1e9, number(c.Total)/1e9, clock(c.Time)
		if span := to[cpuClock] - t.Before(cpuClock); c.Nano == nil && span > 0 && !t.Fell(cpuTime) {
			to[cpuCores] = (to[cpuTime] - t.Before(cpuTime)) / span
		}
		if !u.Start.IsZero() && c.Time.After(u.Start) {
			to[uptime] = c.Time.Sub(u.Start).Seconds()
		}
	}
	if m := u.Memory; m != nil {
		to[memoryUsage], to[memoryWorkingSet], to[memoryAvailable], to[memoryRSS] = number(m.Usage), number(m.WorkingSet), number(m.Available), number(m.RSS)
	}
	if n := u.Network; n != nil {
		to[rxBytes], to[txBytes], to[netTime] = number(n.Rx), number(n.Tx), clock(n.Time)
		to[netBytes], to[rxErrors], to[txErrors] = to[rxBytes]+to[txBytes], number(n.RxErrors), number(n.TxErrors)
	}
	u.FS.write(to)
	// Counters that fell began anew with their pod or container.
	if t.Fell(cpuTime) || t.Fell(rxBytes) || t.Fell(txBytes) {
		t.Forget()
	}
}

func (f *fs) write(to []float64) {
	if f == nil {
		return
	}
	to[fsUsed], to[fsCapacity], to[fsAvailable] = number(f.Used), number(f.Capacity), number(f.Available)
	to[inodes], to[inodesUsed] = number(f.Inodes), number(f.InodesUsed)
}

// measure records an answer.
func (s *Scraper) measure(a *summary, to sidelight.Recorder, seconds float64) {
	node := s.node
	a.Node.write(node)
	node.IDs[idCluster], node.IDs[idNode] = s.cfg.Cluster, s.cfg.Node
	if s.cfg.Node == "" {
		node.IDs[idNode] = a.Node.Name
	}
	node.Now[nodeCores], node.Now[nodeMemory] = s.cores, node.Now[memoryAvailable]+node.Now[memoryWorkingSet]
	if s.plan != nil {
		node.Now[podsRunning], node.Now[containersRunning] = s.plan.running, s.plan.runningContainers
		node.Now[cpuRequest], node.Now[memoryRequest] = s.plan.cpuRequested, s.plan.memoryRequest
	}
	for i := range a.Pods {
		s.pod(&a.Pods[i], node)
	}
	s.record(s.tables.Node, node, to, seconds)
	node.Keep()
	for _, kind := range []struct {
		things *scraper.Things
		tables []scraper.Table
	}{{s.pods, s.tables.Pod}, {s.containers, s.tables.Container}, {s.volumes, s.tables.Volume}} {
		for i := range kind.tables {
			kind.things.Write(&s.w, to, &kind.tables[i], seconds)
		}
		kind.things.Sweep()
	}
}

func (s *Scraper) record(tables []scraper.Table, t *scraper.Thing, to sidelight.Recorder, seconds float64) {
	for i := range tables {
		s.w.Write(to, &tables[i], t, seconds)
	}
}

// find returns the thing with key, and its IDs to be written.
func (s *Scraper) find(in *scraper.Things, node *scraper.Thing, key string) *scraper.Thing {
	t := in.Find([]byte(key))
	if t == nil {
		return nil
	}
	if len(t.IDs) != numIDs {
		t.IDs = make([]string, numIDs)
	}
	t.IDs[idCluster], t.IDs[idNode] = node.IDs[idCluster], node.IDs[idNode]
	t.Now[nodeCores], t.Now[nodeMemory] = node.Now[nodeCores], node.Now[nodeMemory]
	return t
}

func (s *Scraper) pod(p *podStats, node *scraper.Thing) {
	promised := unknown()
	if s.plan != nil {
		if x := s.plan.pods[p.Ref.Namespace+"/"+p.Ref.Name]; x != nil {
			promised = x
		}
	}
	t := s.find(s.pods, node, p.Ref.UID+p.Ref.Namespace+"/"+p.Ref.Name)
	if t == nil {
		return
	}
	workload := promised.workload
	if workload == "" {
		workload = p.Ref.Name
	}
	t.IDs[idNamespace], t.IDs[idWorkload], t.IDs[idPod] = p.Ref.Namespace, workload, p.Ref.Name
	promised.write(t)
	p.write(t)
	p.Ephemeral.write(t.Now)
	for i := range p.Containers {
		c := &p.Containers[i]
		ct := s.find(s.containers, node, t.IDs[idNamespace]+"/"+p.Ref.Name+"/"+p.Ref.UID+"/"+c.Name)
		if ct == nil {
			continue
		}
		ct.IDs[idNamespace], ct.IDs[idWorkload], ct.IDs[idPod], ct.IDs[idContainer] = p.Ref.Namespace, workload, p.Ref.Name, c.Name
		if x := promised.containers[c.Name]; x != nil {
			x.write(ct)
		}
		c.write(ct)
		c.Rootfs.write(ct.Now)
		// A pod that does not tell of itself is the sum of its containers.
		if p.CPU == nil {
			plus(t.Now, ct.Now, cpuCores)
			plus(t.Now, ct.Now, cpuTime)
		}
		if p.Memory == nil {
			plus(t.Now, ct.Now, memoryWorkingSet)
			plus(t.Now, ct.Now, memoryUsage)
		}
	}
	for i := range p.Volumes {
		v := &p.Volumes[i]
		if v.Claim == nil {
			continue // it lies on the node, with its file systems
		}
		if vt := s.find(s.volumes, node, v.Claim.Namespace+"/"+v.Claim.Name); vt != nil {
			vt.IDs[idNamespace], vt.IDs[idClaim] = v.Claim.Namespace, v.Claim.Name
			v.write(vt.Now)
		}
	}
}

// plus adds number i of what is there.
func plus(to, from []float64, i int) {
	switch {
	case math.IsNaN(from[i]):
	case math.IsNaN(to[i]):
		to[i] = from[i]
	default:
		to[i] += from[i]
	}
}
