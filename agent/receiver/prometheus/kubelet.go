package prometheus

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"strings"
)

// serviceAccount is where Kubernetes puts a pod's token and the cluster's root.
const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"

// Pods finds the pods of a node whose annotation prometheus.io/scrape is true, by
// the kubelet, with the service account's token. It needs the right to get
// nodes/proxy.
type Pods struct {
	// Kubelet is its address, such as https://10.0.0.1:10250.
	Kubelet string
	// Path is that of pods that say none.
	Path string
	// Account is the directory of the token and the root. Empty: where Kubernetes
	// puts them.
	Account string
	// Insecure accepts any certificate: the kubelet's is often one that the
	// cluster's root has not signed.
	Insecure bool
}

// pod is what the kubelet says of one.
type pod struct {
	Metadata struct {
		Name, Namespace string
		Annotations     map[string]string
	}
	Spec struct {
		Containers []struct {
			Ports []struct {
				ContainerPort int
				Protocol      string
			}
		}
	}
	Status struct{ Phase, PodIP string }
}

// Discover implements Discover.
func (p Pods) Discover(ctx context.Context) ([]Found, error) {
	dir := cmp.Or(p.Account, serviceAccount)
	token, err := os.ReadFile(dir + "/token")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the service account's token: %w", err)
	}
	security := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: p.Insecure}
	if _, err := os.Stat(dir + "/ca.crt"); err == nil {
		if security.RootCAs, err = roots(dir + "/ca.crt"); err != nil {
			return nil, err
		}
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: security, DisableKeepAlives: true}}
	var list struct{ Items []pod }
	if err := getJSON(ctx, &client, p.Kubelet+"/pods", strings.TrimSpace(string(token)), &list); err != nil {
		return nil, fmt.Errorf("ask the kubelet for its pods: %w", err)
	}
	var out []Found
	for i := range list.Items {
		if f, ok := list.Items[i].found(p.Path); ok {
			out = append(out, f)
		}
	}
	return out, nil
}

// found returns where the pod exposes metrics, if it says that it does and runs.
func (p *pod) found(path string) (Found, bool) {
	const prefix = "prometheus.io/"
	a := p.Metadata.Annotations
	if a[prefix+"scrape"] != "true" || p.Status.Phase != "Running" || p.Status.PodIP == "" {
		return Found{}, false
	}
	port := cmp.Or(a[prefix+"port"], p.port())
	if port == "" {
		return Found{}, false
	}
	return Found{
		URL:    place(cmp.Or(a[prefix+"scheme"], "http"), p.Status.PodIP, port, cmp.Or(a[prefix+"path"], path)),
		Labels: map[string]string{"namespace": p.Metadata.Namespace, "pod": p.Metadata.Name},
	}, true
}

// port returns the first TCP port of the pod's containers.
func (p *pod) port() string {
	for _, c := range p.Spec.Containers {
		for _, x := range c.Ports {
			if x.Protocol == "" || x.Protocol == "TCP" {
				return strconv.Itoa(x.ContainerPort)
			}
		}
	}
	return ""
}
