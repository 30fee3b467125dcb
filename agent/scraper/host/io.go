package host

import (
	"bytes"
	"math"

	"github.com/sidelight-dev/sidelight/internal/procfile"
)

// sectorSize is that of /proc/diskstats, whatever the device's own is.
const sectorSize = 512

func (s *Scraper) readDisks() error {
	b, err := s.proc.Read("diskstats")
	if err != nil {
		if hidden(err) {
			return nil
		}
		return err
	}
	s.diskstats(b)
	return nil
}

func (s *Scraper) diskstats(all []byte) {
	for b := all; len(b) > 0; {
		var line []byte
		line, b = procfile.Line(b)
		_, rest := procfile.Field(line) // major
		_, rest = procfile.Field(rest)  // minor
		name, rest := procfile.Field(rest)
		var v [11]float64
		if procfile.Numbers(rest, v[:]) < len(v) || !wanted(name, all) || v[0] == 0 && v[4] == 0 {
			continue
		}
		t := s.disks.Find(name)
		if t == nil {
			continue
		}
		copy(t.Now, v[:numDisk])
		t.Now[diskReadBytes] *= sectorSize
		t.Now[diskWriteBytes] *= sectorSize
	}
}

// wanted leaves out loop and RAM disks, and a partition if its whole device is
// among all: it would be counted twice.
func wanted(name, all []byte) bool {
	for _, prefix := range [...]string{"loop", "ram", "zram"} {
		if bytes.HasPrefix(name, []byte(prefix)) {
			return false
		}
	}
	whole := bytes.TrimRight(name, "0123456789")
	if len(whole) == len(name) || len(whole) == 0 {
		return true
	}
	// nvme0n1p2 and mmcblk0p1: a p stands between a name that ends in a digit
	// and the partition. sda1 has none.
	if n := len(whole) - 1; n > 0 && whole[n] == 'p' && whole[n-1] >= '0' && whole[n-1] <= '9' {
		return !has(all, whole[:n])
	}
	return !has(all, whole)
}

// has reports whether a line of /proc/diskstats is the device's.
func has(all, device []byte) bool {
	for {
		i := bytes.Index(all, device)
		if i < 0 {
			return false
		}
		end := i + len(device)
		if i > 0 && all[i-1] == ' ' && end < len(all) && all[end] == ' ' {
			return true
		}
		all = all[end:]
	}
}

func (s *Scraper) readNet() error {
	b, err := s.proc.Read(s.self + "net/dev")
	if err != nil {
		return err
	}
	s.netdev(b)
	return nil
}

func (s *Scraper) netdev(b []byte) {
	for len(b) > 0 {
		var line []byte
		line, b = procfile.Line(b)
		colon := bytes.IndexByte(line, ':')
		if colon < 0 {
			continue
		}
		name := bytes.TrimSpace(line[:colon])
		var v [16]float64
		if s.virtual(name) || procfile.Numbers(line[colon+1:], v[:]) < len(v) || v[1] == 0 && v[9] == 0 {
			continue
		}
		t := s.nets.Find(name)
		if t == nil {
			continue
		}
		copy(t.Now[netRxBytes:], v[:4])
		copy(t.Now[netTxBytes:], v[8:12])
	}
}

// readConnections counts TCP connections by state and UDP sockets.
func (s *Scraper) readConnections() error {
	if !s.states {
		return nil
	}
	m := s.machine.Now
	clear(m[tcpFirst : tcpFirst+tcpStates])
	for _, name := range [...]string{"net/tcp", "net/tcp6"} {
		b, err := s.proc.Read(s.self + name)
		if err != nil {
			if hidden(err) {
				continue // no IPv6
			}
			m[tcpFirst] = math.NaN()
			return err
		}
		countStates(b, m[tcpFirst:tcpFirst+tcpStates])
	}
	m[udpSockets] = 0
	for _, name := range [...]string{"net/udp", "net/udp6"} {
		if b, err := s.proc.Read(s.self + name); err == nil {
			m[udpSockets] += max(0, float64(bytes.Count(b, []byte{'\n'})-1))
		}
	}
	return nil
}

// countStates adds up the fourth column of /proc/net/tcp, in hexadecimal.
func countStates(b []byte, to []float64) {
	_, b = procfile.Line(b)
	for len(b) > 0 {
		var line []byte
		line, b = procfile.Line(b)
		_, rest := procfile.Field(line)
		_, rest = procfile.Field(rest)
		_, rest = procfile.Field(rest)
		st, _ := procfile.Field(rest)
		if len(st) != 2 || st[0] != '0' {
			continue
		}
		switch c := st[1]; {
		case c >= '1' && c <= '9':
			to[c-'0']++
		case c == 'A' || c == 'B':
			to[c-'A'+10]++
		case c == 'C': // a request that is not accepted yet
			to[3]++
		}
	}
}
