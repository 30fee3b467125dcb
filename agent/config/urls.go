package config

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

// ServiceURL is the URL of one service's endpoint, or empty.
type ServiceURL string

func (s *ServiceURL) parse(text string) error {
	u, err := url.Parse(text)
	if text != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		return errors.New("expected a URL such as https://vpce-0a1b.xray.eu-west-1.vpce.amazonaws.com")
	}
	*s = ServiceURL(text)
	return nil
}

// ProxyURL is the URL of an HTTP proxy, or empty.
type ProxyURL string

// parse takes host:port as well, as most programs do.
func (p *ProxyURL) parse(text string) error {
	full := text
	if text != "" && !strings.Contains(text, "://") {
		full = "http://" + text
	}
	u, err := url.Parse(full)
	if text != "" && (err != nil || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) || u.Hostname() == "") {
		return errors.New("expected a URL such as http://proxy:3128")
	}
	*p = ProxyURL(full)
	return nil
}

// String returns p without its password.
func (p ProxyURL) String() string {
	u, err := url.Parse(string(p))
	if err != nil {
		return ""
	}
	return u.Redacted()
}
