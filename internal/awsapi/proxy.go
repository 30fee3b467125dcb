package awsapi

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// proxyFor returns what chooses the proxy of a request, nil to leave it to the
// environment. Credentials come from this machine or its link (the container's
// credentials, IMDS, a helper on loopback), where no proxy is; a custom endpoint
// on loopback is not theirs.
func proxyFor(o Options) (func(*http.Request) (*url.URL, error), error) {
	if o.Proxy == "" {
		return nil, nil
	}
	to, err := url.Parse(o.Proxy)
	if err != nil || to.Host == "" {
		return nil, fmt.Errorf("proxy %q: expected a URL such as http://proxy:3128", o.Proxy)
	}
	own := map[string]bool{}
	for _, endpoint := range []string{o.Endpoint, o.XRay} {
		if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
			own[u.Host] = true
		}
	}
	return func(req *http.Request) (*url.URL, error) {
		if isNear(req.URL.Hostname()) && !own[req.URL.Host] {
			return nil, nil
		}
		return to, nil
	}, nil
}

// isNear reports whether a host is this machine, or what answers on its link: the
// addresses of metadata and credentials.
func isNear(host string) bool {
	ip := net.ParseIP(host)
	if ip == nil {
		return host == "localhost"
	}
	return ip.IsLoopback() || ip.IsLinkLocalUnicast() || metadataV6.Contains(ip)
}

// metadataV6 is where EC2 and EKS answer over IPv6: fd00:ec2::/32.
var metadataV6 = net.IPNet{IP: net.IP{0xfd, 0, 0x0e, 0xc2, 15: 0}, Mask: net.CIDRMask(32, 128)}
