package demo

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// rate is the requests a second that the demo sends.
const rate = 25

// startTraffic starts the driver, which counts by StatsD what it sees.
func (d *Demo) startTraffic(ctx context.Context) error {
	var err error
	d.traffic, err = d.spawn(ctx, "load", []string{
		d.program("load"), "-target", d.Storefront(), "-rate", strconv.Itoa(rate), "-duration", "0", "-faults", "0.06", "-statsd", d.ports.statsd,
	}, nil)
	return err
}

// stopTraffic ends the driver and returns what it says of its requests.
func (d *Demo) stopTraffic() error { return d.traffic.stop(15 * time.Second) }

// chaos sets the share of orders that fail or are slow.
func (d *Demo) chaos(ctx context.Context, errors, slow string) error {
	form := url.Values{"errors": {errors}, "slow": {slow}, "delay": {"600ms"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+d.ports.orders+"/chaos?"+form.Encode(), nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("orders answers %s to chaos", resp.Status)
	}
	return nil
}
