package prometheus

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// The labels of a container by which it says that it exposes metrics: our own,
// and those that the CloudWatch agent and others look for.
var (
	portLabels = []string{"sidelight.prometheus.port", "ECS_PROMETHEUS_EXPORTER_PORT", "PROMETHEUS_EXPORTER_PORT"}
	pathLabels = []string{"sidelight.prometheus.path", "ECS_PROMETHEUS_METRICS_PATH", "PROMETHEUS_EXPORTER_PATH"}
)

// maxDiscovery bounds the answers of those who know of targets.
const maxDiscovery = 32 << 20

// ECSTask finds the containers of the agent's own ECS task that have a Docker
// label with a port, by the task metadata endpoint, version 4.
type ECSTask struct {
	// Endpoint is what ECS_CONTAINER_METADATA_URI_V4 holds.
	Endpoint string
	// Path is that of containers that say none.
	Path string
}

// Discover implements Discover.
func (e ECSTask) Discover(ctx context.Context) ([]Found, error) {
	var task struct {
		Containers []struct {
			Name     string
			Labels   map[string]string
			Networks []struct {
				NetworkMode   string
				IPv4Addresses []string
			}
		}
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if err := getJSON(ctx, &client, e.Endpoint+"/task", "", &task); err != nil {
		return nil, fmt.Errorf("ask for the task: %w", err)
	}
	var out []Found
	for _, c := range task.Containers {
		port := first(c.Labels, portLabels)
		if port == "" {
			continue
		}
		// The containers of a task in mode awsvpc share the loopback address.
		host := "127.0.0.1"
		if n := c.Networks; len(n) > 0 && n[0].NetworkMode != "awsvpc" && n[0].NetworkMode != "host" && len(n[0].IPv4Addresses) > 0 {
			host = n[0].IPv4Addresses[0]
		}
		out = append(out, Found{
			URL:    place("http", host, port, cmp.Or(first(c.Labels, pathLabels), e.Path)),
			Labels: map[string]string{"container": c.Name},
		})
	}
	return out, nil
}

func first(labels map[string]string, names []string) string {
	for _, name := range names {
		if v := labels[name]; v != "" {
			return v
		}
	}
	return ""
}

func place(scheme, host, port, path string) string {
	return scheme + "://" + net.JoinHostPort(host, port) + "/" + strings.TrimPrefix(cmp.Or(path, "/metrics"), "/")
}

// getJSON asks for a document.
func getJSON(ctx context.Context, client *http.Client, url, token string, to any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return errors.New("the answer is " + res.Status)
	}
	return json.NewDecoder(io.LimitReader(res.Body, maxDiscovery)).Decode(to)
}
