package host

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

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

// readConnections counts TCP connections by state and UDP sockets. The kernel's
// lists have some 150 bytes for each and are not held. Of one that cannot be read
// to its end nothing is told.
func (s *Scraper) readConnections() error {
	if !s.states {
		return nil
	}
	var tcp [tcpStates]float64
	udp := 0.0
	for _, name := range [...]string{"net/tcp", "net/tcp6", "net/udp", "net/udp6"} {
		err := s.each(s.self+name, func(line []byte) {
			if name == "net/tcp" || name == "net/tcp6" {
				countState(line, &tcp)
				return
			}
			udp++
		})
		switch {
		case err == nil, hidden(err) && strings.HasSuffix(name, "6"): // no IPv6
		case hidden(err):
			return nil
		default:
			return err
		}
	}
	copy(s.machine.Now[tcpFirst:], tcp[:])
	s.machine.Now[udpSockets] = udp
	return nil
}

// each calls f with the lines of a file but the first, which is a heading.
func (s *Scraper) each(name string, f func(line []byte)) error {
	file, err := os.Open(filepath.Join(s.proc.Root(), name))
	if err != nil {
		return fmt.Errorf("open a file of the kernel: %w", err)
	}
	defer file.Close()
	if s.in == nil {
		s.in = bufio.NewReaderSize(nil, 32<<10)
	}
	s.in.Reset(file)
	for n := 0; ; n++ {
		line, err := s.in.ReadSlice('\n')
		if n > 0 && len(line) > 0 {
			f(line)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
	}
}

// countState counts a line of /proc/net/tcp by its fourth column, in hexadecimal.
func countState(line []byte, to *[tcpStates]float64) {
	_, rest := procfile.Field(line)
	_, rest = procfile.Field(rest)
	_, rest = procfile.Field(rest)
	st, _ := procfile.Field(rest)
	if len(st) != 2 || st[0] != '0' {
		return
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
