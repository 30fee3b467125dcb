package agent

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sidelight-dev/sidelight/agent/scraper"
	"github.com/sidelight-dev/sidelight/agent/scraper/cgroup"
	"github.com/sidelight-dev/sidelight/agent/scraper/ecstask"
	"github.com/sidelight-dev/sidelight/agent/scraper/host"
	"github.com/sidelight-dev/sidelight/agent/scraper/kubelet"
	"github.com/sidelight-dev/sidelight/agent/scraper/procs"
)

// hostProcVariable names the directory of the host's proc, as other agents have
// it.
const hostProcVariable = "HOST_PROC"

// nodeAddressVariable names the node's address, as a DaemonSet is told by the
// downward API.
const nodeAddressVariable = "NODE_IP"

// buildScrapers makes what is measured on a timer.
func (a *Agent) buildScrapers(context.Context, aws.Config) error {
	var scrapers []scraper.Scraper
	if a.cfg.Scrape.Host.On(true) {
		scrapers = append(scrapers, host.New(host.Config{
			Names: a.family(), Root: a.cfg.Scrape.Root, Proc: os.Getenv(hostProcVariable), Hostname: a.id.Host,
			PerCPU: a.cfg.Scrape.PerCPU, Connections: a.cfg.Scrape.Connections,
		}))
	}
	for _, build := range []func() (scraper.Scraper, error){a.cgroupScraper, a.taskScraper, a.kubeletScraper, a.processScraper} {
		s, err := build()
		if err != nil {
			return err
		}
		if s != nil {
			scrapers = append(scrapers, s)
		}
	}
	if a.cfg.Scrape.Agent {
		scrapers = append(scrapers, &ownScraper{agent: a})
	}
	if len(scrapers) == 0 {
		return nil
	}
	_, err := receive(a, "scrapers", nil, func() (runner[*scraper.Runner], error) {
		r := &scraper.Runner{Interval: a.scrapeEvery(), Scrapers: scrapers, To: a.aggregate, Log: a.log}
		a.scraping.Store(r)
		return runner[*scraper.Runner]{r}, nil
	})
	return err
}

func (a *Agent) family() scraper.Family { return scraper.Family(a.cfg.Scrape.Names) }

// cgroupScraper returns nil where there is no container and none was asked for.
func (a *Agent) cgroupScraper() (scraper.Scraper, error) {
	if !a.cfg.Scrape.Cgroup.On(true) {
		return nil, nil
	}
	s, err := cgroup.New(cgroup.Config{Names: a.family()})
	switch {
	case err == nil:
		return s, nil
	case a.cfg.Scrape.Cgroup == "on":
		return nil, wrap("scrape.cgroup", err)
	}
	a.log.Debug("no container to measure", "err", err)
	return nil, nil
}

// taskScraper returns nil where there is no ECS task and none was asked for.
func (a *Agent) taskScraper() (scraper.Scraper, error) {
	endpoint := os.Getenv(ecstask.EndpointVariable)
	if !a.cfg.Scrape.Task.On(endpoint != "") {
		return nil, nil
	}
	s, err := ecstask.New(ecstask.Config{Endpoint: endpoint, Names: a.family()})
	switch {
	case err == nil:
		return s, nil
	case a.cfg.Scrape.Task == "on":
		return nil, wrap("scrape.task", err)
	}
	a.log.Warn("cannot measure the task", "err", err)
	return nil, nil
}

// kubeletScraper returns nil where there is no kubelet to ask and none was asked
// for.
func (a *Agent) kubeletScraper() (scraper.Scraper, error) {
	cfg, address := a.cfg.Scrape.Kubelet, os.Getenv(nodeAddressVariable)
	token := cfg.Token
	if token == "" {
		token = kubelet.TokenFile
	}
	_, err := os.Stat(token)
	if !cfg.Read.On(address != "" && err == nil) {
		return nil, nil
	}
	endpoint := cfg.Endpoint
	switch {
	case endpoint != "":
	case address == "":
		return nil, wrap("scrape.kubelet", errors.New("no endpoint, and no NODE_IP in the environment"))
	default:
		endpoint = "https://" + net.JoinHostPort(address, "10250")
	}
	s, err := kubelet.New(kubelet.Config{
		Endpoint: endpoint, Token: cfg.Token, CA: cfg.CA, Insecure: cfg.Insecure, Names: a.family(), Cluster: a.id.Cluster, Node: a.id.Node,
		CAdvisor: cfg.CAdvisor,
	})
	switch {
	case err == nil:
		return s, nil
	case cfg.Read == "on":
		return nil, wrap("scrape.kubelet", err)
	}
	a.log.Warn("cannot measure the node", "err", err)
	return nil, nil
}

// processScraper returns nil if no programs are named.
func (a *Agent) processScraper() (scraper.Scraper, error) {
	if len(a.cfg.Scrape.Processes) == 0 {
		return nil, nil
	}
	root := os.Getenv(hostProcVariable)
	if root == "" {
		root = filepath.Join("/", a.cfg.Scrape.Root, "proc")
	}
	s, err := procs.New(procs.Config{Programs: a.cfg.Scrape.Processes, Names: a.family(), Proc: root})
	if err != nil {
		return nil, wrap("scrape.processes", err)
	}
	return s, nil
}
