package agent

import (
	"context"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sidelight-dev/sidelight/agent/scraper"
	"github.com/sidelight-dev/sidelight/agent/scraper/cgroup"
	"github.com/sidelight-dev/sidelight/agent/scraper/ecstask"
	"github.com/sidelight-dev/sidelight/agent/scraper/host"
)

// hostProcVariable names the directory of the host's proc, as other agents have
// it.
const hostProcVariable = "HOST_PROC"

// buildScrapers makes what is measured on a timer.
func (a *Agent) buildScrapers(context.Context, aws.Config) error {
	var scrapers []scraper.Scraper
	if a.cfg.Scrape.Host.On(true) {
		scrapers = append(scrapers, host.New(host.Config{
			Names: a.family(), Root: a.cfg.Scrape.Root, Proc: os.Getenv(hostProcVariable), Hostname: a.id.Host,
			PerCPU: a.cfg.Scrape.PerCPU, Connections: a.cfg.Scrape.Connections,
		}))
	}
	for _, build := range []func() (scraper.Scraper, error){a.cgroupScraper, a.taskScraper} {
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
		return runner[*scraper.Runner]{&scraper.Runner{Interval: a.scrapeEvery(), Scrapers: scrapers, To: a.aggregate, Log: a.log}}, nil
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
