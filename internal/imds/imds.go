// Package imds asks the metadata service of an EC2 instance, version 2, for single
// values. Nothing else of it is needed beside what the SDK does for credentials.
package imds

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// The paths of values that are asked for.
const (
	Hostname   = "hostname"
	InstanceID = "instance-id"
)

// maxValue bounds a value.
const maxValue = 4 << 10

// Client asks one service. Its zero value asks nothing.
type Client struct {
	base string
	http *http.Client
}

// New returns a client for the service that the variables of the environment name,
// http://169.254.169.254 by default. With AWS_EC2_METADATA_DISABLED=true it asks
// nothing.
func New(getenv func(string) string) *Client {
	if strings.EqualFold(getenv("AWS_EC2_METADATA_DISABLED"), "true") {
		return &Client{}
	}
	base := "http://169.254.169.254"
	if strings.EqualFold(getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"), "ipv6") {
		base = "http://[fd00:ec2::254]"
	}
	base = cmp.Or(getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT"), base)
	// No proxy has the service of this machine.
	return &Client{base: strings.TrimSuffix(base, "/"), http: &http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}}
}

// Get returns the value at a path below meta-data, "" if the client asks nothing.
// It waits as long as ctx lets it: where there is no service, often nobody answers.
func (c *Client) Get(ctx context.Context, path string) (string, error) {
	if c.base == "" {
		return "", nil
	}
	token, err := c.call(ctx, http.MethodPut, "/latest/api/token", "X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "60")
	if err != nil {
		return "", fmt.Errorf("get a token of the metadata service: %w", err)
	}
	value, err := c.call(ctx, http.MethodGet, "/latest/meta-data/"+path, "X-Aws-Ec2-Metadata-Token", token)
	if err != nil {
		return "", fmt.Errorf("get %s of the metadata service: %w", path, err)
	}
	return value, nil
}

func (c *Client) call(ctx context.Context, method, path, header, value string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set(header, value)
	resp, err := c.http.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxValue))
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("HTTP status %s", resp.Status)
	}
	return strings.TrimSpace(string(body)), nil
}
