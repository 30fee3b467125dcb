package agent

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sidelight-dev/sidelight/agent/receiver/journald"
)

// buildJournald follows the journal of systemd. It is a file that can be read
// again, and takes the way of files.
func (a *Agent) buildJournald(context.Context, aws.Config) error {
	c := a.cfg.Receivers.Journald
	if !c.On() {
		return nil
	}
	store, err := a.checkpoints([]string{journald.Source})
	if err != nil {
		return wrap("journald", err)
	}
	priority := c.Priority.Number()
	cfg := journald.Config{
		Directories: c.Directories, Units: words(c.Units), Priority: &priority, Fields: words(c.Fields),
		Start: journald.Start(c.Since), Dest: a.names.dest(filesLane, "", journald.Source),
	}
	out, err := a.process("journald", filesLane, a.out.files, input{})
	if err != nil {
		return err
	}
	now := &latest[journald.Stats, *journald.Receiver]{}
	_, err = receive(a, "journald", out, func() (*journald.Receiver, error) {
		return now.set(journald.New(cfg, store, &a.books, a.log.With("receiver", "journald")))
	})
	a.readers = append(a.readers, journalReader(now.stats))
	return err
}
