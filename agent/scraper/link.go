package scraper

import "bytes"

// Virtual reports the loopback interface and the host's ends of containers'
// interfaces, which come and go: Docker's, Calico's, Cilium's, and those of the
// VPC's plug-in (eni and eleven hexadecimal digits).
func Virtual(name []byte) bool {
	switch {
	case string(name) == "lo", bytes.HasPrefix(name, []byte("veth")), bytes.HasPrefix(name, []byte("cali")), bytes.HasPrefix(name, []byte("lxc")):
		return true
	case len(name) == 14 && bytes.HasPrefix(name, []byte("eni")):
		return len(bytes.Trim(name[3:], "0123456789abcdef")) == 0
	}
	return false
}
