package host

import (
	"fmt"

	"github.com/sidelight-dev/sidelight/internal/procfile"
)

// maxCensus bounds the processes whose states are read; of more, only the number
// is told: it would take too long.
const maxCensus = 2000

// readProcesses counts the processes that can be seen: in a container without
// the host's pid namespace, the container's.
func (s *Scraper) readProcesses() error {
	pids, err := s.pids.List()
	if err != nil {
		return fmt.Errorf("list processes: %w", err)
	}
	m := s.machine.Now
	m[procsTotal] = float64(len(pids))
	if s.tallied = s.census && len(pids) <= maxCensus; !s.tallied {
		return nil
	}
	clear(m[stateRunning : threads+1])
	for _, pid := range pids {
		b, err := s.pids.Read(pid, "stat")
		if err != nil {
			m[procsTotal]-- // ended meanwhile
			continue
		}
		if x, ok := procfile.ParseProcess(b); ok {
			countProcess(&x, m)
		}
	}
	return nil
}

func countProcess(x *procfile.Process, m []float64) {
	if x.Threads > 0 {
		m[threads] += x.Threads
	}
	switch x.State {
	case 'R':
		m[stateRunning]++
	case 'S':
		m[stateSleeping]++
	case 'D':
		m[stateBlocked]++
	case 'T', 't':
		m[stateStopped]++
	case 'Z':
		m[stateZombie]++
	case 'X', 'x':
		m[stateDead]++
	case 'W':
		m[statePaging]++
	}
}
