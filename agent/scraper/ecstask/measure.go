package ecstask

import (
	"strings"
	"time"
)

// value is a number that may be missing.
type value struct {
	v  float64
	ok bool
}

func some(v float64) value { return value{v, true} }

// plus adds what is there.
func (a value) plus(b value) value {
	if !b.ok {
		return a
	}
	return value{a.v + b.v, true}
}

// most is the greater of what is there.
func (a value) most(b value) value {
	if !a.ok || b.ok && b.v > a.v {
		return b
	}
	return a
}

// percentOf is 100·a/whole, missing if a is or there is no whole.
func (a value) percentOf(whole value) value {
	if !a.ok || !whole.ok || whole.v <= 0 {
		return value{}
	}
	return some(100 * a.v / whole.v)
}

func (a value) times(f float64) value { return value{a.v * f, a.ok} }

// grew is how much a counter grew; missing if it fell, since it was then reset.
func grew(now, before value) value {
	if !now.ok || !before.ok || now.v < before.v {
		return value{}
	}
	return some(now.v - before.v)
}

// sample is what a container's counters said.
type sample struct {
	read             time.Time
	cpu              value // ns
	periods, stopped float64
	rx, tx           value // bytes
	in, out          value // bytes of block devices
	restarts         value
}

func (s *stats) sample() sample {
	x := sample{read: s.Read, periods: s.CPU.Throttling.Periods, stopped: s.CPU.Throttling.Throttled}
	if total := s.CPU.Usage.Total; total != nil {
		x.cpu = some(*total)
	}
	if rx, tx, ok := s.networkBytes(); ok {
		x.rx, x.tx = some(rx), some(tx)
	}
	if in, out, ok := s.blockBytes(); ok {
		x.in, x.out = some(in), some(out)
	}
	return x
}

// usage is what a container or the whole task uses. Missing values were not
// said, or need a scrape before.
type usage struct {
	cores, cpuLimit    value // of one CPU
	unitsReserved      value
	throttled          value // percent of periods
	memory, workingSet value // bytes
	memoryLimit        value // bytes
	cpuTime            value // seconds since the scrape before
	uptime             value // seconds
	rx, tx             value // bytes a second
	rxBytes, txBytes   value // bytes since the scrape before
	in, out            value // bytes since the scrape before
	inTotal, outTotal  value // bytes since the start
	restarts           value // since the scrape before
	restartCount       value
	running, healthy   value // of a container: 1 or 0; of a task: how many
}

// measured is a task at one time.
type measured struct {
	cluster, family, service string
	task                     usage
	containers               []measuredContainer
	clockError, clockSynced  value // ms; 1 or 0
	disk, diskReserved       value // bytes of ephemeral storage
}

type measuredContainer struct {
	name string
	usage
}

// units is what one vCPU has.
const units = 1024

// mib is the unit of the endpoint's sizes.
const mib = 1 << 20

// unlimited is the least of the numbers that mean no limit in memory_stats.
const unlimited = 1 << 62

// measure compares all with the samples of the scrape before and returns the
// samples for the next one.
func measure(t *task, all map[string]*stats, before map[string]sample) (*measured, map[string]sample) {
	m := &measured{cluster: last(t.Cluster), family: t.Family, service: t.service()}
	now := make(map[string]sample, len(all))
	for i := range t.Containers {
		c := &t.Containers[i]
		if !c.normal() {
			continue
		}
		s := all[c.DockerID]
		u := c.usage(t, s)
		if s != nil {
			x := s.sample()
			x.restarts = u.restartCount
			now[c.DockerID] = x
			if was, ok := before[c.DockerID]; ok {
				u.since(&x, &was)
			} else if s.Rates != nil {
				u.rx, u.tx = maybe(s.Rates.Rx), maybe(s.Rates.Tx)
			}
		}
		m.task.add(&u)
		if c.awsvpc() {
			m.task.rx, m.task.tx = m.task.rx.most(u.rx), m.task.tx.most(u.tx)
			u.rx, u.tx, u.rxBytes, u.txBytes = value{}, value{}, value{}, value{}
		}
		m.task.rx, m.task.tx = m.task.rx.plus(u.rx), m.task.tx.plus(u.tx)
		m.containers = append(m.containers, measuredContainer{c.Name, u})
	}
	m.whole(t)
	return m, now
}

// service is the task's service, whichever way it is said.
func (t *task) service() string {
	if t.ServiceName != "" {
		return t.ServiceName
	}
	name, _ := strings.CutPrefix(t.Group, "service:")
	if name == t.Group {
		return ""
	}
	return name
}

func maybe(p *float64) value {
	if p == nil {
		return value{}
	}
	return some(*p)
}

func truth(b bool) value {
	if b {
		return some(1)
	}
	return some(0)
}

func (c *container) awsvpc() bool {
	for _, n := range c.Networks {
		if n.NetworkMode == "awsvpc" {
			return true
		}
	}
	return false
}

// usage reads the levels. s is nil for a container that does not run.
func (c *container) usage(t *task, s *stats) usage {
	u := usage{running: truth(c.KnownStatus == "RUNNING"), restartCount: maybe(c.RestartCount)}
	if c.Health != nil && (c.Health.Status == "HEALTHY" || c.Health.Status == "UNHEALTHY") {
		u.healthy = truth(c.Health.Status == "HEALTHY")
	}
	if c.Limits != nil && c.Limits.CPU > 2 {
		u.unitsReserved = some(c.Limits.CPU)
	}
	u.memoryLimit = c.memoryLimit(t, s)
	if t.Limits != nil && t.Limits.CPU > 0 {
		u.cpuLimit = some(t.Limits.CPU)
	}
	if s == nil {
		return u
	}
	if !u.cpuLimit.ok && s.CPU.Online > 0 {
		u.cpuLimit = some(s.CPU.Online)
	}
	if began := c.StartedAt.Time; !began.IsZero() && s.Read.After(began) {
		u.uptime = some(s.Read.Sub(began).Seconds())
	}
	u.memory = maybe(s.Memory.Usage)
	if w, ok := s.workingSet(); ok {
		u.workingSet = some(w)
	}
	x := s.sample()
	u.inTotal, u.outTotal = x.in, x.out
	return u
}

// memoryLimit is the container's, else the task's, else that of the statistics.
func (c *container) memoryLimit(t *task, s *stats) value {
	switch {
	case c.Limits != nil && c.Limits.Memory > 0:
		return some(c.Limits.Memory * mib)
	case t.Limits != nil && t.Limits.Memory > 0:
		return some(t.Limits.Memory * mib)
	case s != nil && s.Memory.Limit > 0 && s.Memory.Limit < unlimited:
		return some(s.Memory.Limit)
	}
	return value{}
}

// since sets what takes two samples. If the CPU counter fell the container was
// restarted, and all its counters began anew.
func (u *usage) since(now, was *sample) {
	u.restarts = grew(now.restarts, was.restarts)
	wall := now.read.Sub(was.read)
	used := grew(now.cpu, was.cpu)
	if wall <= 0 || now.cpu.ok && was.cpu.ok && !used.ok {
		return
	}
	u.cores = used.times(1 / float64(wall))
	u.rx = grew(now.rx, was.rx).times(1 / wall.Seconds())
	u.tx = grew(now.tx, was.tx).times(1 / wall.Seconds())
	u.cpuTime = used.times(1e-9)
	u.rxBytes, u.txBytes = grew(now.rx, was.rx), grew(now.tx, was.tx)
	u.in, u.out = grew(now.in, was.in), grew(now.out, was.out)
	if periods := now.periods - was.periods; periods > 0 && now.stopped >= was.stopped {
		u.throttled = some(100 * (now.stopped - was.stopped) / periods)
	}
}

// add counts a container's usage to the task's, all but its traffic.
func (u *usage) add(c *usage) {
	u.cores = u.cores.plus(c.cores)
	u.unitsReserved = u.unitsReserved.plus(c.unitsReserved)
	u.memory, u.workingSet = u.memory.plus(c.memory), u.workingSet.plus(c.workingSet)
	u.in, u.out = u.in.plus(c.in), u.out.plus(c.out)
	u.inTotal, u.outTotal = u.inTotal.plus(c.inTotal), u.outTotal.plus(c.outTotal)
	u.restarts, u.restartCount = u.restarts.plus(c.restarts), u.restartCount.plus(c.restartCount)
	u.running = u.running.plus(c.running)
	u.healthy = u.healthy.plus(c.healthy)
	u.cpuLimit = u.cpuLimit.most(c.cpuLimit)
}

// whole sets what is said of the task and not of a container.
func (m *measured) whole(t *task) {
	if t.Limits != nil && t.Limits.CPU > 0 {
		m.task.unitsReserved = some(t.Limits.CPU * units)
	}
	m.task.memoryLimit = t.memoryLimit()
	if e := t.EphemeralStorage; e != nil {
		m.disk, m.diskReserved = some(e.Utilized*mib), some(e.Reserved*mib)
	}
	drift := t.ClockDrift
	for i := range t.Containers {
		if drift == nil {
			drift = t.Containers[i].ClockDrift
		}
	}
	if drift != nil {
		m.clockError = maybe(drift.ClockErrorBound)
		m.clockSynced = truth(drift.ClockSynchronizationStatus == "SYNCHRONIZED")
	}
}

// memoryLimit is the task's or, if every container has one, the sum of theirs.
func (t *task) memoryLimit() value {
	if t.Limits != nil && t.Limits.Memory > 0 {
		return some(t.Limits.Memory * mib)
	}
	var sum value
	for i := range t.Containers {
		c := &t.Containers[i]
		if !c.normal() {
			continue
		}
		if c.Limits == nil || c.Limits.Memory <= 0 {
			return value{}
		}
		sum = sum.plus(some(c.Limits.Memory * mib))
	}
	return sum
}

// normal reports whether the container is one of the task definition's.
func (c *container) normal() bool { return c.Type == "" || c.Type == "NORMAL" }
